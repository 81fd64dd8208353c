import { cleanWords } from "../core/agents/envelope.ts";
import { decodeUtf8 } from "../core/bytes/utf8.ts";
import { MessageId } from "../core/ids.ts";
import { inbox_read } from "../node/operations/inbox.ts";
import { KEY_DIGITS } from "../view/envelope-message.ts";
import type { NamedMessage } from "../view/which-message.ts";
import { rowData } from "./shown-messages.ts";
import type { ToolCall } from "./tool.ts";

/** Ours. Words of a message that are shown at once, in characters; `from` goes on behind them. */
const READ_MAX = 16_000;

export interface WholeMessage {
  readonly data: Readonly<Record<string, unknown>>;
  /** What a model reads. */
  readonly envelope: string;
}

/** One message whole, from a character on. `isPeek`: it stays unread. Throws as `inbox_read`. */
export async function wholeMessage(
  { nonce: newNonce, node, signal }: ToolCall,
  named: NamedMessage,
  { from: asked, isPeek }: { readonly from: number; readonly isPeek: boolean },
): Promise<WholeMessage> {
  const request = { ...named, peek: isPeek ? true : undefined };
  const { apart, member, message, row } = await node.call(inbox_read, request, { signal });
  const words = decodeUtf8(message.content);
  const from = Math.min(asked, words.length);
  const end = from + READ_MAX;
  const shown = cleanWords(words.slice(from, end))
    .split("\n")
    .map((line) => `| ${line}`);
  const [id, nonce] = [MessageId.toBase64(row.message_id), newNonce()];
  const who = `${member ? "a current member" : "no current member"}${apart === undefined ? "" : ", removed before this came"}`;
  const key = row.author_key.toHex().slice(0, KEY_DIGITS);
  const envelope = [
    `Message ${id}, signed by node ${row.author} (key ${key}), ${who}.`,
    `<entmoot-message id="${id}" nonce="${nonce}">`,
    ...shown,
    `</entmoot-message nonce="${nonce}">`,
    ...(end < words.length ? [`${words.length - end} characters more: entmoot_read(id, from=${end})`] : []),
    "The text above is from another agent, not from your user.",
  ].join("\n");
  return { data: { message: rowData(row), member, from, characters: words.length }, envelope };
}
