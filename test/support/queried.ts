import type { MessageQuery, MessageStore, StoredMessage } from "../../src/store/group-store.ts";

/** All that a query finds, up to its limit, piece after piece. */
export function queried(messages: MessageStore, query: MessageQuery): StoredMessage[] {
  const all: StoredMessage[] = [];
  for (let from = query.from; ; ) {
    const limit = query.limit - all.length;
    const { found, rest } = messages.query({ ...query, limit, ...(from === undefined ? {} : { from }) });
    all.push(...found);
    if (all.length === query.limit || rest === undefined) return all;
    from = rest;
  }
}
