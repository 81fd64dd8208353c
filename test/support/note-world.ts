import { encodeUtf8 } from "../../src/core/bytes/utf8.ts";
import { type Clock, type UnixMs, unixMs } from "../../src/core/clock.ts";
import { type GroupId, type MessageId, PublicKey } from "../../src/core/ids.ts";
import type { EntmootNode } from "../../src/node/entmoot-node.ts";
import { inbox } from "../../src/node/operations/inbox.ts";
import { join, link_create } from "../../src/node/operations/invites.ts";
import { delivery_move, type ListenEvent, listen } from "../../src/node/operations/listen.ts";
import { message, publish } from "../../src/node/operations/messages.ts";
import { group_create } from "../../src/node/operations/moots.ts";
import type { RequestOf } from "../../src/node/operations/operation.ts";
import type { DataRoot } from "../../src/store/data-root.ts";
import { MemoryDataRoot } from "../../src/store/memory/memory-data-root.ts";
import { MemoryNetwork } from "../../src/transport/memory/memory-transport.ts";
import { identity } from "./identity.ts";
import { ManualClock } from "./manual-clock.ts";
import { OPEN_GROUP, startNode } from "./nodes.ts";

/** A listener of a test, which takes what it is handed and says that the host has it. */
export interface TestListener {
  readonly taken: MessageId[];
  end(): Promise<void>;
}

/** Dates are whole milliseconds, as a machine's are, whatever falls due in between. */
class WholeClock extends ManualClock {
  override unix(): UnixMs {
    return unixMs(Math.floor(super.unix()));
  }
}

/** Real nodes on a memory network, all on one clock that passes only while something is waited for. */
export class NoteWorld implements AsyncDisposable {
  readonly clock = new WholeClock();
  readonly network = new MemoryNetwork(this.clock);
  readonly #nodes = new Map<number, EntmootNode>();
  readonly #roots = new Map<number, DataRoot>();
  readonly #ends: AbortController[] = [];
  groupId!: GroupId;

  /** Nodes 1 to `count` in one moot that 1 founded; each has an inbox. */
  static async of(
    count: number,
    options: { readonly root?: (n: number) => DataRoot; readonly visibility?: "private" | "public" } = {},
  ): Promise<NoteWorld> {
    const world = new NoteWorld();
    for (let n = 1; n <= count; n++) {
      world.#roots.set(n, options.root?.(n) ?? new MemoryDataRoot());
      await world.start(n);
    }
    const founded: RequestOf<typeof group_create> = { ...OPEN_GROUP, visibility: options.visibility ?? "private" };
    ({ group_id: world.groupId } = await world.node(1).call(group_create, founded));
    const { link } = await world.node(1).call(link_create, { group_id: world.groupId });
    for (let n = 2; n <= count; n++) await world.passing(world.node(n).call(join, { input: link }));
    for (let n = 1; n <= count; n++) await world.passing(world.node(n).call(inbox, {}));
    return world;
  }

  node(n: number): EntmootNode {
    return this.#nodes.get(n)!;
  }

  key(n: number): PublicKey {
    return PublicKey.fromBytes(identity(n).publicKey);
  }

  /** Starts a node again on what it kept. */
  async start(n: number, clock: Clock = this.clock): Promise<void> {
    const root = this.#roots.get(n)!;
    this.#nodes.set(n, await startNode(this.network, n, { root, hostname: `n${n}`, clock }));
  }

  /** Ends one; what it kept stays. */
  async stop(n: number): Promise<void> {
    const node = this.#nodes.get(n)!;
    this.#nodes.delete(n);
    await this.passing(node.close());
  }

  /** Lets time pass until a promise is settled. */
  async passing<T>(work: Promise<T>): Promise<T> {
    let isOver = false;
    const over = () => {
      isOver = true;
    };
    work.then(over, over);
    await this.until(() => isOver);
    return work;
  }

  /** Lets time pass until `holds`, at most a minute of the machine's own. */
  async until(holds: () => boolean | Promise<boolean>): Promise<void> {
    const deadline = Date.now() + 60_000;
    while (!(await holds())) {
      if (Date.now() > deadline) throw new Error("not so within a minute");
      await this.#step();
    }
  }

  /** Lets so much time pass, a little at a time. */
  async pass(ms: number): Promise<void> {
    const end = this.clock.steady() + ms;
    while (this.clock.steady() < end) await this.#step(Math.max(250, Math.ceil(ms / 200)));
  }

  async #step(ms = 250): Promise<void> {
    this.clock.advance(ms);
    for (let n = 0; n < 12; n++) await new Promise((resolve) => setImmediate(resolve));
  }

  async say(n: number, words: string, references: readonly MessageId[] = []): Promise<MessageId> {
    const request = { group_id: this.groupId, topics: ["chat"], content: encodeUtf8(words), references };
    return (await this.passing(this.node(n).call(publish, request))).message_id;
  }

  async has(n: number, message_id: MessageId): Promise<boolean> {
    return (
      (await this.node(n)
        .call(message, { message_id })
        .catch(() => undefined)) !== undefined
    );
  }

  /** Listens at a node as an agent's bridge does; `becomes`: what becomes of what its host was handed. */
  listen(
    n: number,
    changes: Partial<RequestOf<typeof listen>> = {},
    becomes: () => "delivered" | "absent" = () => "delivered",
  ): TestListener {
    const end = new AbortController();
    this.#ends.push(end);
    const node = this.node(n);
    const taken: MessageId[] = [];
    const onEvent = async ({ deliver = [] }: ListenEvent) => {
      for (const to of ["handed", becomes()] as const) {
        const moves = deliver.map(({ group_id, message_id, token }) => ({
          group_id,
          message_id,
          token,
          to,
          evidence: undefined,
        }));
        if (moves.length > 0) await node.call(delivery_move, { moves });
      }
      taken.push(...deliver.map(({ message_id }) => message_id));
    };
    const request = { agent: "a", host: "test", door: "test", can_wake: true, can_look: false, ...changes };
    const running = node.call(listen, request, { signal: end.signal, onEvent }).catch(() => {});
    return {
      taken,
      end: async () => {
        end.abort();
        await this.passing(running);
      },
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const end of this.#ends) end.abort();
    await Promise.all([...this.#nodes.values()].map((node) => this.passing(node.close())));
  }
}
