import { decodeUtf8 } from "../src/core/bytes/utf8.ts";
import { textOf } from "../src/core/errors.ts";
import { GroupId, MessageId } from "../src/core/ids.ts";
import type { Message } from "../src/core/record/records.ts";
import { messages } from "../src/node/operations/messages.ts";
import { members } from "../src/node/operations/moots.ts";
import { type DaemonNode, eventually } from "../test/support/daemon.ts";

/** What is said in a moot from the first message of `topic` on, printed as it comes to one node. */
export class Talk implements AsyncDisposable {
  readonly #said: Message[] = [];
  readonly #names: ReadonlyMap<number, string>;
  readonly #ending = new AbortController();
  readonly #say: (text: string) => void;

  private constructor(names: ReadonlyMap<number, string>, say: (text: string) => void) {
    this.#names = names;
    this.#say = say;
  }

  static async follow(node: DaemonNode, group: string, say: (text: string) => void): Promise<Talk> {
    const group_id = GroupId.fromBytes(Uint8Array.fromBase64(group));
    const client = await node.client();
    const { members: all } = await client.call(members, { group_id });
    const talk = new Talk(new Map(all.map(({ hostname, node_id }) => [node_id, hostname])), say);
    const { signal } = talk.#ending;
    void (async () => {
      await using _client = client;
      let after = "";
      while (!signal.aborted) {
        const asked = {
          group_id,
          by: "arrival",
          topic: "chat",
          wait_ms: 10_000,
          ...(after === "" ? {} : { after }),
        } as const;
        const { messages: rows, place } = await client.call(messages, asked, { signal });
        after = place ?? after;
        for (const { message } of rows) talk.#note(message);
      }
    })().catch(() => {}); // It ends with its node.
    return talk;
  }

  /** Which of them it is, from 1, once it has come here too. */
  numberOf(id: string): Promise<number> {
    const sought = MessageId.fromBytes(Uint8Array.fromBase64(id));
    return eventually(`message ${id}`, () => this.#said.findIndex((said) => said.id === sought) + 1 || undefined);
  }

  /** Resolves once so many were said. */
  async reaches(count: number): Promise<void> {
    await eventually(`${count} messages`, () => this.#said.length >= count || undefined).catch((cause) => {
      throw new Error(`expected ${count} messages, found ${this.#said.length}: ${textOf(cause)}`, { cause });
    });
  }

  /** Resolves once the last one said is not that node's own: so it is its turn. */
  async isAsked(nodeId: number): Promise<void> {
    await eventually("a message to who is gone", () => this.#said.at(-1)?.author.pilot_node_id !== nodeId || undefined);
  }

  /** Throws where one was answered twice, or says that it answers none. */
  requireEachOnce(): void {
    const answered = this.#said.slice(1).map(({ references }) => references[0]);
    if (new Set(answered).size === answered.length && !answered.includes(undefined)) return;
    throw new Error(`one was answered more than once: ${answered.join(", ")}`);
  }

  #note(message: Message): void {
    this.#said.push(message);
    const [to] = message.references;
    const answers = to === undefined ? "" : `, answering ${MessageId.toBase64(to).slice(0, 8)}`;
    const who = this.#names.get(message.author.pilot_node_id) ?? message.author.pilot_node_id;
    const words = decodeUtf8(message.content).trim();
    this.#say(`${who} says ${MessageId.toBase64(message.id).slice(0, 8)}${answers}: ${words}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#ending.abort();
  }
}
