import { EntmootError } from "../../core/errors.ts";
import type { Turns } from "../turns.ts";
import { Lanes } from "./lanes.ts";

/** AnswerRoom for an answer on somebody's account. Disposing gives it back. */
export interface AnswerRoom extends Disposable {
  /** Some of the answer was taken. */
  readonly moved: () => void;
}

/** What making an answer takes: room for it, then steps between which others have their turn. */
export interface Making<T> {
  /** Pays for it and makes room, at once or not at all; `onLost` is called when the room goes to somebody else. */
  readonly tryBegin: (onLost: () => void) => AnswerRoom | undefined;
  /** The same, waiting for both. */
  readonly begin: (onLost: () => void) => Promise<AnswerRoom>;
  /** AnswerRoom alone, at once or not at all, for what others have paid for and made. */
  readonly tryHold: (onLost: () => void) => AnswerRoom | undefined;
  readonly steps: () => Generator<undefined, T>;
}

interface User {
  readonly tryHold: Making<unknown>["tryHold"];
  /** Ends its use. */
  readonly onLost: () => void;
}

interface Made<T> {
  readonly users: Set<User>;
  readonly value: Promise<T>;
  /** On whose account it is held. */
  owner: User;
  room: AnswerRoom;
}

/** One use of an answer that others may be using; disposing ends it. */
export interface SharedUse<T> extends Disposable {
  readonly value: T;
  /** Some of it was taken. */
  readonly moved: () => void;
}

/**
 * Large answers by what they say: made once for all who ask while one of them is still being told it. Nobody waits for
 * what another cannot pay or hold: who can begins, and the room of who leaves or loses it goes on to another's account.
 */
export class SharedAnswers<T> {
  readonly #turns: Turns;
  /** Only what is paid for and has room stands here. */
  readonly #made = new Map<string, Made<T>>();
  /** Told when an answer begins, by its key. */
  readonly #waiting = new Map<string, Set<() => void>>();
  /** As many may wait as may ask. */
  readonly #making = new Lanes<"">({ atOnce: 1, waitingMax: Number.POSITIVE_INFINITY });

  constructor(turns: Turns) {
    this.#turns = turns;
  }

  /** How many are held. */
  get size(): number {
    return this.#made.size;
  }

  /** `onLost` has to end the use. Rejects as `making.begin` does where nobody else begins meanwhile. */
  async use(key: string, making: Making<T>, onLost: () => void): Promise<SharedUse<T>> {
    const user: User = { tryHold: making.tryHold, onLost };
    for (;;) {
      const found = this.#made.get(key);
      const made = found ?? (await this.#begin(key, making, user));
      if (made === undefined) continue;
      made.users.add(user);
      try {
        const value = await made.value;
        return { value, moved: () => made.room.moved(), [Symbol.dispose]: () => this.#end(key, made, user) };
      } catch (error) {
        this.#end(key, made, user);
        if (found === undefined) throw error;
      }
    }
  }

  /** `undefined` when somebody else has begun meanwhile. */
  async #begin(key: string, making: Making<T>, user: User): Promise<Made<T> | undefined> {
    let made: Made<T> | undefined;
    let isLost = false;
    const onLost = () => {
      isLost = true;
      if (made !== undefined) this.#lost(key, made);
    };
    const room = making.tryBegin(onLost) ?? (await this.#roomInTime(key, making.begin(onLost)));
    if (room === undefined || isLost) return undefined;
    if (this.#made.has(key)) {
      room[Symbol.dispose]();
      return undefined;
    }
    const { promise, resolve } = Promise.withResolvers<T>();
    const begun: Made<T> = { users: new Set([user]), room, owner: user, value: promise };
    made = begun;
    this.#made.set(key, begun);
    resolve(this.#make(key, begun, making));
    // Before anybody who waits hears of it, or they would find it again.
    promise.catch(() => this.#drop(key, begun));
    for (const told of this.#waiting.get(key) ?? []) told();
    return begun;
  }

  /** The room, or `undefined` when somebody else begins first; the room is given back then. */
  async #roomInTime(key: string, begun: Promise<AnswerRoom>): Promise<AnswerRoom | undefined> {
    const { promise: appeared, resolve: told } = Promise.withResolvers<undefined>();
    const tell = () => told(undefined);
    const waiting = this.#waiting.get(key) ?? new Set();
    this.#waiting.set(key, waiting.add(tell));
    try {
      const room = await Promise.race([begun, appeared]);
      if (room === undefined) begun.then((late) => late[Symbol.dispose]()).catch(() => {});
      return room;
    } finally {
      waiting.delete(tell);
      if (waiting.size === 0) this.#waiting.delete(key);
    }
  }

  async #make(key: string, made: Made<T>, { steps }: Making<T>): Promise<T> {
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

  /** The room went to somebody else: whose it was gets no more of it. */
  #lost(key: string, made: Made<T>): void {
    const { owner } = made;
    const isTold = made.users.delete(owner);
    this.#passOn(key, made);
    if (isTold) owner.onLost();
  }

  #end(key: string, made: Made<T>, user: User): void {
    if (!made.users.delete(user)) return;
    if (made.users.size === 0) this.#drop(key, made);
    else if (made.owner === user) {
      made.room[Symbol.dispose]();
      this.#passOn(key, made);
    }
  }

  /** The next who can hold it does, and who cannot is told no more of it. */
  #passOn(key: string, made: Made<T>): void {
    for (const user of [...made.users]) {
      if (!made.users.has(user)) continue;
      const room = user.tryHold(() => this.#lost(key, made));
      if (room !== undefined) {
        made.owner = user;
        made.room = room;
        return;
      }
      made.users.delete(user);
      user.onLost();
    }
    this.#drop(key, made);
  }

  #drop(key: string, made: Made<T>): void {
    made.users.clear();
    made.room[Symbol.dispose]();
    if (this.#made.get(key) === made) this.#made.delete(key);
  }
}
