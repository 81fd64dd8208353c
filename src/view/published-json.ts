import { GroupId, MessageId } from "../core/ids.ts";
import type { Published } from "../node/operations/messages.ts";
import { jsonInteger } from "./message-line.ts";
import { unmetJson } from "./unmet-text.ts";

/** A message that was published, as commands print it. Keys ascending. `answers`: what it names, for an answer. */
export function publishedJson(published: Published, { answers }: { readonly answers?: MessageId | undefined } = {}) {
  return {
    ...(answers === undefined ? {} : { answers: MessageId.toBase64(answers) }),
    author: published.author.pilot_node_id,
    ...(published.behind_ms === undefined ? {} : { behind_ms: published.behind_ms }),
    ...(published.duplicate ? { duplicate: true } : {}),
    group_id: GroupId.toBase64(published.group_id),
    message_id: MessageId.toBase64(published.message_id),
    timestamp_ms: jsonInteger(published.timestamp_ms),
    ...unmetJson(published),
  };
}
