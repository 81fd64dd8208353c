import type { MessageId, PublicKey } from "../../core/ids.ts";
import { keyOf } from "../../core/record/node-key.ts";
import type { Message } from "../../core/record/records.ts";

/** Answers that somebody waits for who asked: they are told by that call, and begin no turn meanwhile. As many as calls are under way. */
export class AwaitedAnswers {
  readonly #waiting = new Map<string, number>();
  readonly #onEnd: () => void;

  /** `onEnd`: nobody waits for some of them any more. */
  constructor(onEnd: () => void) {
    this.#onEnd = onEnd;
  }

  /** Until it is disposed. */
  hold(question: MessageId, author: PublicKey): Disposable {
    const key = question + author;
    this.#waiting.set(key, 1 + (this.#waiting.get(key) ?? 0));
    return {
      [Symbol.dispose]: () => {
        const left = (this.#waiting.get(key) ?? 1) - 1;
        if (left > 0) this.#waiting.set(key, left);
        else this.#waiting.delete(key);
        this.#onEnd();
      },
    };
  }

  includes({ author, references }: Pick<Message, "author" | "references">): boolean {
    if (this.#waiting.size === 0) return false;
    const key = keyOf(author);
    return key !== undefined && references.some((id) => this.#waiting.has(id + key));
  }
}
