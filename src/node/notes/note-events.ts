import type { MessageId } from "../../core/ids.ts";
import { shownKey } from "../../core/record/node-key.ts";
import type { WatchedNote } from "../read/watch.ts";
import { stateShown } from "./kept-receipts.ts";
import type { NoteNews } from "./note-news.ts";

type ToldNews = Exclude<NoteNews, { readonly kind: "leave" }>;

/** What came, as watchers are told it: of receipts what is said of messages that this node wrote. */
export function noteEvents(news: ToldNews, wrote: (id: MessageId) => boolean): WatchedNote[] {
  const { group } = news;
  const member = news.kind === "receipt" ? news.reader : news.member;
  const node_id = group.roster.members.get(member)?.pilot_node_id;
  if (node_id === undefined) return [];
  const common = { group_id: group.id, node_id, entmoot_pubkey: shownKey(member) };
  if (news.kind === "presence") {
    const { host, listening, sinceMs } = news.presence;
    return [{ kind: "presence", ...common, listening, since_ms: sinceMs, host }];
  }
  return news.rows
    .filter(({ messageId }) => wrote(messageId))
    .map((row) => ({
      kind: "receipt",
      ...common,
      message_id: row.messageId,
      ...stateShown({ row, nobodySinceMs: news.nobodySinceMs }, undefined),
    }));
}
