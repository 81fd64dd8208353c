import { Database } from "bun:sqlite";
import { join } from "node:path";
import { type MessageId, PublicKey } from "../../../src/core/ids.ts";
import type { Message } from "../../../src/core/record/records.ts";
import { realClock } from "../../../src/host/real-clock.ts";
import { mailbox_ack, mailbox_cursor, mailbox_pull } from "../../../src/node/operations/mailbox.ts";
import type { RequestOf } from "../../../src/node/operations/operation.ts";
import { LocalReader } from "../../../src/node/read/local-reader.ts";
import type { GroupStore } from "../../../src/store/group-store.ts";
import { SqliteDataRoot } from "../../../src/store/sqlite/sqlite-data-root.ts";
import { identity } from "../../support/identity.ts";
import { keptMessage } from "../../support/kept-message.ts";
import { GROUP, message } from "../../support/message.ts";
import { insertMessages, OriginalRoot } from "../../support/original-root.ts";
import { roster } from "../../support/roster.ts";
import { TemporaryDirectory } from "../../support/temporary-directory.ts";

export const MEMBERS = [identity(1), identity(2), identity(3)] as const;
export const [ME, OAK, ELM] = MEMBERS;
const LOG = roster([...MEMBERS]);

let written = 0;
/** A message of its own, dated `at`. */
export function mail(at: number, fields: Parameters<typeof message>[0] = {}): Message {
  written += 1;
  const content = new TextEncoder().encode(`message ${written}`);
  return message({ by: OAK, timestamp: BigInt(at), content, ...fields });
}

/** A data root with one moot, whose mailbox is asked as without a daemon; taken over from an original or not. */
export class MailboxWorld implements Disposable {
  readonly directory = new TemporaryDirectory();
  readonly path = this.directory.path;
  readonly original: OriginalRoot | undefined;
  root!: SqliteDataRoot;
  reader!: LocalReader;

  /** `original`: what it holds, where there is one. */
  constructor(original?: readonly Message[]) {
    if (original !== undefined) {
      this.original = new OriginalRoot(this.path).roster(LOG);
      this.original.messages(original).close();
    }
    this.#open();
    if (original === undefined) this.root.createGroup(GROUP).roster.append(LOG.entries);
  }

  get store(): GroupStore {
    return this.root.openGroup(GROUP)!;
  }

  /** They arrive here in this order. */
  arrive(...messages: readonly Message[]): void {
    this.store.messages.putMany(messages.map(keptMessage));
  }

  /** A start: what the original wrote since is taken in. */
  restart(): void {
    this.root[Symbol.dispose]();
    this.#open();
  }

  /** What the original stores while it runs. */
  originalStores(...messages: readonly Message[]): void {
    using database = new Database(join(this.original!.group, "messages.sqlite"), { readwrite: true, strict: true });
    insertMessages(database, messages);
  }

  pull(request: Partial<RequestOf<typeof mailbox_pull>> = {}) {
    return this.reader.call(mailbox_pull, { client_id: "a", ...request });
  }

  /** The ids of all that is shown, page by page. */
  async shown(client_id = "a", limit = 7): Promise<MessageId[]> {
    const ids: MessageId[] = [];
    let after: string | undefined;
    for (;;) {
      const page = await this.reader.call(mailbox_pull, { client_id, limit, after });
      ids.push(...page.messages.map(({ message_id }) => message_id));
      if (!page.has_more) return ids;
      after = page.next_cursor.place;
    }
  }

  ack(request: Partial<RequestOf<typeof mailbox_ack>>) {
    return this.reader.call(mailbox_ack, { client_id: "a", ...request });
  }

  cursor(client_id = "a") {
    return this.reader.call(mailbox_cursor, { client_id });
  }

  #open(): void {
    this.root = SqliteDataRoot.open(this.path, "write");
    const local = () => PublicKey.fromBytes(ME.publicKey);
    this.reader = new LocalReader(this.root, { clock: realClock, local });
    // As a start does.
    this.root.openGroup(GROUP);
  }

  [Symbol.dispose](): void {
    this.root[Symbol.dispose]();
    this.directory[Symbol.dispose]();
  }
}
