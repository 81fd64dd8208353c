import { EntmootError } from "../../core/errors.ts";
import type { Turns } from "../turns.ts";
import { Lanes } from "./lanes.ts";

/** What making an answer takes: room for it, then steps between which others have their turn. */
export interface Making<T> {
  /** Pays for it and makes room; `onLost` is called when the room goes to somebody else. */
  readonly begin: (onLost: () => void) => Promise<Disposable>;
  readonly steps: () => Generator<undefined, T>;
}

interface Made<T> {
  readonly users: Set<() => void>;
  readonly value: Promise<T>;
  room: Disposable | undefined;
}

/** One use of an answer that others may be using; disposing ends it. */
export interface SharedUse<T> extends Disposable {
  readonly value: T;
}

/** Large answers by what they say: made once for all who ask while one of them is still being told it. */
export class SharedAnswers<T> {
  readonly #turns: Turns;
  readonly #made = new Map<string, Made<T>>();
  /** As many may wait as may ask. */
  readonly #making = new Lanes<"">({ atOnce: 1, waitingMax: Number.POSITIVE_INFINITY });

  constructor(turns: Turns) {
    this.#turns = turns;
  }

  /** How many are held. */
  get size(): number {
    return this.#made.size;
  }

  /**
   * `onLost` has to end the use. Rejects as `making.begin` does; where somebody else began and could not, we begin
   * ourselves.
   */
  async use(key: string, making: Making<T>, onLost: () => void): Promise<SharedUse<T>> {
    for (;;) {
      const found = this.#made.get(key);
      const made = found ?? this.#begin(key, making);
      made.users.add(onLost);
      try {
        return { value: await made.value, [Symbol.dispose]: () => this.#end(key, made, onLost) };
      } catch (error) {
        this.#end(key, made, onLost);
        if (found === undefined) throw error;
      }
    }
  }

  #begin(key: string, making: Making<T>): Made<T> {
    const users = new Set<() => void>();
    const { promise, resolve } = Promise.withResolvers<T>();
    const made: Made<T> = { users, room: undefined, value: promise };
    this.#made.set(key, made);
    resolve(this.#make(key, made, making));
    // Before anybody who waits hears of it, or they would find it again.
    promise.catch(() => this.#drop(key, made));
    return made;
  }

  async #make(key: string, made: Made<T>, { begin, steps }: Making<T>): Promise<T> {
    const room = await begin(() => {
      const users = [...made.users];
      this.#drop(key, made);
      for (const onLost of users) onLost();
    });
    made.room = room;
    // What is half made is not counted and is larger than what comes of it, so there is one of it.
    using _alone = await this.#making.enter("");
    for (const step = steps(); ; ) {
      await this.#turns.take();
      // Nobody waits for it any more.
      if (made.users.size === 0) {
        this.#drop(key, made);
        throw new EntmootError("unavailable", "answer: nobody is there to be told it");
      }
      const { done, value } = step.next();
      if (done) return value;
    }
  }

  #end(key: string, made: Made<T>, onLost: () => void): void {
    if (made.users.delete(onLost) && made.users.size === 0) this.#drop(key, made);
  }

  #drop(key: string, made: Made<T>): void {
    made.users.clear();
    made.room?.[Symbol.dispose]();
    made.room = undefined;
    if (this.#made.get(key) === made) this.#made.delete(key);
  }
}
