import { shownLine } from "../../core/bytes/shown-text.ts";
import { MessageId } from "../../core/ids.ts";
import { receipts, SHOWN_STATES } from "../../node/operations/receipts.ts";
import { receiptText } from "../../view/receipt-text.ts";
import { ID_ARGUMENT, messageArgument, objectOf, type Tool, textArgument, wholeOf } from "../tool.ts";
import { whichMoot } from "../which-moot.ts";
import { GROUP_ARGUMENT } from "./moot-tools.ts";

/** Ours. Messages of one answer, and members shown of each: what a model reads at once. */
const MESSAGES_MAX = 20;
const READERS_SHOWN = 32;

const text = { type: "string" };
const number = { type: "integer" };
const flag = { type: "boolean" };

const READER = objectOf({
  node_id: number,
  name: text,
  state: { type: "string", enum: [...SHOWN_STATES] },
  since_ms: number,
});
const ROW = objectOf({ id: text, readers: { type: "array", items: READER, maxItems: READERS_SHOWN } });

const receiptsTool: Tool = {
  name: "entmoot_receipts",
  title: "What became of your messages",
  description:
    "Tells what became of messages of yours that asked somebody: whether it was delivered to the agent there, read, answered, or that no agent is woken there. The latest first; id: only that message.",
  input: objectOf({
    group: GROUP_ARGUMENT,
    id: ID_ARGUMENT,
    limit: wholeOf("How many messages at most.", 1, MESSAGES_MAX),
  }),
  output: objectOf({ messages: { type: "array", items: ROW, maxItems: MESSAGES_MAX }, more: flag }),
  onlyLooks: true,
  isIdempotent: true,
  speaks: false,
  async run(call, args) {
    const id = textArgument(args, "id");
    const group = textArgument(args, "group");
    const message = id === undefined ? undefined : await messageArgument(call, args);
    const group_id = message?.group_id ?? (group === undefined ? call.only : (await whichMoot(call, group)).group_id);
    const limit = typeof args.limit === "number" ? args.limit : MESSAGES_MAX;
    const request = { group_id, message_id: message?.message_id, limit };
    const { more, rows } = await call.node.call(receipts, request, { signal: call.signal });
    const now = call.clock.unix();
    const shown = rows.slice(0, MESSAGES_MAX).map((row) => ({
      id: MessageId.toBase64(row.message_id),
      readers: row.readers.slice(0, READERS_SHOWN).map((reader) => ({
        node_id: reader.node_id,
        name: shownLine(reader.hostname).slice(0, 64),
        state: reader.state,
        since_ms: reader.since_ms,
      })),
    }));
    const lines = shown.flatMap(({ id: of, readers }) =>
      readers.map(({ name, node_id, since_ms, state }) => {
        const who = name === "" ? `@${node_id}` : `@${node_id} ${name}`;
        return `${of}: ${who}${receiptText(state, since_ms, now)}`;
      }),
    );
    const none = "None of your messages asked anybody.";
    return { text: lines.length === 0 ? none : lines.join("\n"), data: { messages: shown, more: more === true } };
  },
};

export const RECEIPT_TOOLS: readonly Tool[] = [receiptsTool];
