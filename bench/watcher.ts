import type { GroupId, MessageId } from "../src/core/ids.ts";
import { eventsOf } from "../src/node/operations/events.ts";
import { watch } from "../src/node/operations/messages.ts";
import type { Operations } from "../src/node/operations/operation.ts";

/** Notes when each message reaches a client that watches a daemon. */
export class Watcher implements AsyncDisposable {
  readonly #ending = new AbortController();
  readonly #seenAt = new Map<MessageId, number>();
  readonly #waiting = new Map<MessageId, (at: number) => void>();

  static async start(client: Operations, groupId: GroupId): Promise<Watcher> {
    const watcher = new Watcher();
    const events = eventsOf(client, watch, { group_id: groupId, topic: "#" }, { signal: watcher.#ending.signal });
    void (async () => {
      for await (const event of events) if (event.kind === "message") watcher.#note(event.message.id);
    })().catch(() => {}); // It ends with its daemon.
    return watcher;
  }

  /** When it came, in the milliseconds of `performance.now()`. */
  async sees(id: MessageId): Promise<number> {
    const at = this.#seenAt.get(id);
    if (at !== undefined) return at;
    return await new Promise((resolve) => this.#waiting.set(id, resolve));
  }

  #note(id: MessageId): void {
    const now = performance.now();
    this.#seenAt.set(id, now);
    this.#waiting.get(id)?.(now);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#ending.abort();
  }
}
