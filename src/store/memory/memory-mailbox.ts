import type { GroupId } from "../../core/ids.ts";
import type { MailboxChange, MailboxRow, MailboxStore } from "../mailbox-store.ts";

/** A mailbox in memory; nothing survives the process. */
export class MemoryMailbox implements MailboxStore {
  readonly #rows = new Map<GroupId, Map<string, MailboxRow>>();
  #writes = 0;

  row(groupId: GroupId, client: string): MailboxRow | undefined {
    return this.#rows.get(groupId)?.get(client);
  }

  put({ checkRoom, client, expected, groupId, keys, place }: MailboxChange): boolean {
    const rows = this.#rows.get(groupId) ?? new Map<string, MailboxRow>();
    const row = rows.get(client);
    if (row?.stamp !== expected) return false;
    if (row === undefined) checkRoom((prefix) => [...rows.keys()].filter((name) => name.startsWith(prefix)).length);
    this.#writes += 1;
    rows.set(client, { keys, placed: { place, keys }, stamp: `${this.#writes}` });
    this.#rows.set(groupId, rows);
    return true;
  }

  forget(groupId: GroupId, client: string): boolean {
    return this.#rows.get(groupId)?.delete(client) ?? false;
  }

  originalOrder(): undefined {
    return undefined;
  }

  [Symbol.dispose](): void {}
}
