import { EntmootError } from "../../src/core/errors.ts";
import { struct } from "../../src/core/json/json-codec.ts";
import { text } from "../../src/core/json/json-scalars.ts";
import { type NodeServices, nodeImplementations } from "../../src/node/implementations.ts";
import type { Implemented } from "../../src/node/operations/implementation.ts";
import { operation } from "../../src/node/operations/operation.ts";
import { count } from "../../src/wire/frame/bounded.ts";

const numbered = struct("number", { n: count }, { required: ["n"] });
const filled = struct("filling", { n: count, filling: text }, { required: ["n", "filling"] });

/** Answers once a test says so, or fails once nobody waits for it. */
export const hold = operation({
  name: "hold",
  summary: "Wait",
  scope: "owner",
  request: numbered,
  answer: numbered,
});

/** As `hold`, for those that may take a minute. */
export const dawdle = { ...hold, name: "dawdle", patienceMs: 60_000 };

/** As `hold`, for those that only their caller ends. */
export const linger = { ...hold, name: "linger", patienceMs: undefined };

/** As `hold`, but goes on when nobody waits for it. */
export const insist = operation({
  name: "insist",
  summary: "Wait whoever waits",
  scope: "owner",
  request: numbered,
  answer: numbered,
  patienceMs: "endless",
});

/** Tells `n` events of some 32 KiB. */
export const flood = operation({
  name: "flood",
  summary: "Tell much",
  scope: "owner",
  request: numbered,
  event: filled,
  answer: numbered,
  patienceMs: "endless",
});

/** Answers with `n` bytes of filling. */
export const fill = operation({
  name: "fill",
  summary: "Answer much",
  scope: "owner",
  request: numbered,
  answer: filled,
  answerMax: 1024 * 1024,
});

/** As `fill`, gathered in a turn once a test lets it go on. */
export const gather = { ...fill, name: "gather", answerMax: 8 * 1024 * 1024 };

export const FLOOD_EVENT_BYTES = 32 * 1024;

/** What a test sees and moves of the operations above. */
export class Held {
  /** The calls under way, by their number, in the order they came. */
  readonly running = new Map<number, () => void>();
  /** The numbers of those given up by their callers, in that order. */
  readonly givenUp: number[] = [];
  /** Events told and taken so far. */
  told = 0;
  /** Floods under way. */
  floods = 0;
  /** Large answers that are being gathered, and those that were. */
  gathering = 0;
  gathered = 0;
  readonly #goOn = Promise.withResolvers<void>();

  /** Lets all of them be gathered. */
  gatherOn(): void {
    this.#goOn.resolve();
  }

  /** Lets one call answer. */
  release(n: number): void {
    this.running.get(n)?.();
  }

  /** The operations of a node and these. */
  operations(): Implemented<NodeServices> {
    return nodeImplementations().add(
      { hold, dawdle, linger, insist, flood, fill, gather },
      {
        hold: (_, { n }, { signal }) => this.#wait(n, signal),
        dawdle: (_, { n }, { signal }) => this.#wait(n, signal),
        linger: (_, { n }, { signal }) => this.#wait(n, signal),
        insist: (_, { n }) => this.#wait(n, undefined),
        flood: async (_, { n }, call) => {
          this.floods += 1;
          try {
            for (let at = 0; at < n && !call.signal.aborted; at++) {
              await call.emit({ n: at, filling: "x".repeat(FLOOD_EVENT_BYTES) });
              this.told += 1;
            }
          } finally {
            this.floods -= 1;
          }
          return { n };
        },
        gather: async (_, { n }, call) => {
          using _turn = await call.turnToGather?.();
          this.gathering += 1;
          await this.#goOn.promise;
          this.gathering -= 1;
          this.gathered += 1;
          return { n, filling: "x".repeat(n) };
        },
        fill: (_, { n }) => ({ n, filling: "x".repeat(n) }),
      },
    );
  }

  async #wait(n: number, signal: AbortSignal | undefined): Promise<{ n: number }> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.running.set(n, resolve);
    signal?.addEventListener("abort", () => resolve(), { once: true });
    await promise;
    this.running.delete(n);
    if (!signal?.aborted) return { n };
    this.givenUp.push(n);
    throw new EntmootError("unavailable", `hold ${n}: given up`);
  }
}
