import { later } from "../core/clock.ts";
import type { GroupId } from "../core/ids.ts";
import { realClock } from "../host/real-clock.ts";
import type { CallOptions, Loose, Operation, Operations } from "../node/operations/operation.ts";
import type { LocalReader } from "../node/read/local-reader.ts";
import type { GlobalOptions } from "./options.ts";
import { openForReading } from "./read-root.ts";

/** Ours. How often it is looked whether the files still are those that were opened. */
const LOOK_EVERY_MS = 500;

/** The data root for a process that goes on reading beside others, which may write, move and exchange its files. */
export class FreshReader implements Operations {
  readonly #options: GlobalOptions;
  #reader: LocalReader;
  #lookAtMs = realClock.steady();
  /** Calls under way, by the reader that answers them. */
  readonly #underWay = new Map<LocalReader, number>();

  constructor(options: GlobalOptions) {
    this.#options = options;
    this.#reader = openForReading(options);
  }

  async call<Request, Answer, Event>(
    operation: Operation<Request, Answer, Event>,
    request: Loose<Request>,
    options?: CallOptions<Event>,
  ): Promise<Answer> {
    const reader = this.#fresh();
    this.#underWay.set(reader, (this.#underWay.get(reader) ?? 0) + 1);
    try {
      return await reader.call(operation, request, options);
    } finally {
      const left = this.#underWay.get(reader)! - 1;
      this.#underWay.set(reader, left);
      if (left === 0) await this.#endUnlessUsed(reader);
    }
  }

  groupIds(): readonly GroupId[] {
    return this.#fresh().groupIds();
  }

  /** As `LocalReader.lastSeq`. */
  lastSeq(groupId: GroupId): number | undefined {
    return this.#fresh().lastSeq(groupId);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#reader[Symbol.asyncDispose]();
  }

  #fresh(): LocalReader {
    const nowMs = realClock.steady();
    if (nowMs < this.#lookAtMs) return this.#reader;
    this.#lookAtMs = later(nowMs, LOOK_EVERY_MS);
    if (!this.#reader.isStale()) return this.#reader;
    const before = this.#reader;
    this.#reader = openForReading(this.#options);
    void this.#endUnlessUsed(before);
    return this.#reader;
  }

  async #endUnlessUsed(reader: LocalReader): Promise<void> {
    if ((this.#underWay.get(reader) ?? 0) > 0) return;
    this.#underWay.delete(reader);
    if (reader !== this.#reader) await reader[Symbol.asyncDispose]();
  }
}
