import { encodeUtf8 } from "../../../src/core/bytes/utf8.ts";
import type { Clock } from "../../../src/core/clock.ts";
import { type GroupId, PublicKey } from "../../../src/core/ids.ts";
import type { EntmootNode } from "../../../src/node/entmoot-node.ts";
import { eventsOf } from "../../../src/node/operations/events.ts";
import { backlog, type MessageRow, messages, publish_signed, watch } from "../../../src/node/operations/messages.ts";
import { group_create, roster_change } from "../../../src/node/operations/moots.ts";
import type { Operations, RequestOf } from "../../../src/node/operations/operation.ts";
import type { DataRoot } from "../../../src/store/data-root.ts";
import { identity } from "../../support/identity.ts";
import { message } from "../../support/message.ts";
import { OPEN_GROUP, startNode } from "../../support/nodes.ts";

/** Who writes what a test wants held, with the times it says. */
export const AUTHORS = [identity(2), identity(3)] as const;

/** Puts a message into a moot that was written at any time. */
type Put = (
  at: number,
  fields?: { readonly topics?: string[]; readonly text?: string; readonly by?: 0 | 1 },
) => Promise<void>;

/** A moot of one node, and the way to put messages into it. */
export interface HeldMoot {
  readonly group_id: GroupId;
  readonly put: Put;
}

export async function newMoot(node: EntmootNode): Promise<HeldMoot> {
  const { group_id } = await node.call(group_create, OPEN_GROUP);
  for (const { publicKey } of AUTHORS) {
    await node.call(roster_change, { group_id, op: "add", entmoot_pubkey: PublicKey.fromBytes(publicKey) });
  }
  return { group_id, put: putInto(node, group_id) };
}

export function putInto(node: EntmootNode, group_id: GroupId): Put {
  return async (at, { by = 0, text = `${at}`, topics = ["chat"] } = {}) => {
    const fields = { by: AUTHORS[by], group_id, timestamp: BigInt(at), topics, content: encodeUtf8(text) };
    await node.call(publish_signed, { message: message(fields) });
  };
}

/** A node that reaches nobody, with one moot. */
export async function nodeWithMoot(
  options: { readonly root?: DataRoot; readonly clock?: Clock } = {},
): Promise<HeldMoot & AsyncDisposable & { readonly node: EntmootNode }> {
  const node = await startNode(undefined, 1, options);
  return { node, ...(await newMoot(node)), [Symbol.asyncDispose]: () => node.close() };
}

/** When the messages were written, which is how the tests here tell them apart. */
export function timesOf(rows: readonly MessageRow[]): number[] {
  return rows.map(({ message: { timestamp } }) => Number(timestamp));
}

/** All pages of a question, one after another. */
export async function pagesOf(node: Operations, request: RequestOf<typeof messages>): Promise<MessageRow[][]> {
  const pages: MessageRow[][] = [];
  let at: Pick<RequestOf<typeof messages>, "page" | "after"> = {};
  for (;;) {
    const { messages: rows, more, next, place } = await node.call(messages, { ...request, ...at });
    pages.push([...rows]);
    if (!more) return pages;
    at = request.by === "arrival" ? { after: place } : { page: next };
  }
}

export async function backlogOf(
  node: Operations,
  request: RequestOf<typeof backlog>,
): Promise<{ readonly rows: readonly MessageRow[]; readonly places: readonly string[] }> {
  const rows: MessageRow[] = [];
  const onEvent = (row: MessageRow) => {
    rows.push(row);
  };
  const { places } = await node.call(backlog, request, { onEvent });
  return { rows, places };
}

/** The first `count` messages of a watch, which is then left. */
export async function watched(
  node: Operations,
  request: RequestOf<typeof watch>,
  count: number,
): Promise<MessageRow[]> {
  const rows: MessageRow[] = [];
  if (count === 0) return rows;
  for await (const event of eventsOf(node, watch, request)) {
    if (event.kind === "message") rows.push(event);
    if (rows.length === count) break;
  }
  return rows;
}
