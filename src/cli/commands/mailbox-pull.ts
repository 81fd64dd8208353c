import { trimSpace } from "../../core/bytes/text.ts";
import { later } from "../../core/clock.ts";
import { EntmootError } from "../../core/errors.ts";
import { printJson } from "../../host/print.ts";
import { realClock } from "../../host/real-clock.ts";
import { type Mail, mailbox_pull, type Pulled } from "../../node/operations/mailbox.ts";
import { PAGE_MESSAGES_MAX, WAIT_MAX_MS } from "../../node/operations/messages.ts";
import type { Operations, RequestOf } from "../../node/operations/operation.ts";
import { pulledJson } from "../../view/mailbox-json.ts";
import { defineCommand } from "../line/command.ts";
import { parseInteger, parsePatienceMs } from "../line/flag-values.ts";
import { parseGlobalOptions } from "../line/global-flags.ts";
import { mailboxFlags, parseClient, tellNote, withMailbox } from "../line/mailbox-client.ts";
import { requirePattern } from "../line/topic-argument.ts";

const LABEL = "mailbox pull";

/** Ours. Bytes of content that one line of output holds: past it there is more. */
const PULLED_BYTES_MAX = 64 * 1024 * 1024;

/** `mailbox pull`: what a client has not acknowledged yet. */
export const mailboxPull = defineCommand({
  meta: { name: "pull", description: "Print what a client has not acknowledged yet, as one JSON object" },
  help: {
    examples: [
      "entmootd mailbox pull -client bot",
      "entmootd mailbox pull -client bot -mentions -wait 1m",
      "entmootd mailbox ack -client bot -through PLACE",
    ],
    exits: [0, 1, 3, 5, 6],
    words: ["client"],
    notes: [
      "In the order of arrival, own messages too. It moves nothing: what is done with is acknowledged by mailbox ack,",
      "and shown until then. next_cursor is where this ended; with -topic or -mentions that may be past messages",
      "that are not shown, and acknowledging its place leaves those behind too.",
      "-mentions: @NODE_ID, @agent-NODE_ID, node:NODE_ID, @HOSTNAME where no other member has it, and answers.",
    ],
  },
  args: {
    ...mailboxFlags,
    limit: { type: "string", default: "50", valueHint: "N", description: "at most so many; 0 for all" },
    topic: {
      type: "string",
      valueHint: "PATTERN",
      defaultHint: "any topic",
      description: "only topics that match; + is one segment, # the rest",
    },
    mentions: { type: "boolean", description: "only what names or answers this node, by others" },
    wait: {
      type: "string",
      default: "0s",
      valueHint: "D",
      description: "while there is nothing, wait so long; then an empty list",
    },
  },
  async run({ args }) {
    const options = parseGlobalOptions(args, process.env);
    const client_id = parseClient(LABEL, args.client);
    const limit = parseLimit(args.limit);
    const waitMs = parsePatienceMs(`${LABEL}: -wait`, args.wait);
    const { group, mentions, topic } = args;
    if (topic !== undefined) requirePattern(LABEL, topic);
    await withMailbox({ label: LABEL, options, group }, async (node, group_id) => {
      const request = { group_id, client_id, topic, mentions };
      const answer = await pullAll(node, request, { limit: limit === 0 ? Number.POSITIVE_INFINITY : limit, waitMs });
      tellNote(LABEL, client_id, answer.note);
      printJson(pulledJson(answer));
    });
  },
});

function parseLimit(text: string): number {
  if (/^-\d+$/.test(trimSpace(text))) {
    throw new EntmootError("invalid_argument", `${LABEL}: -limit must be non-negative`);
  }
  return parseInteger(`${LABEL}: -limit`, text, { min: 0, max: Number.MAX_SAFE_INTEGER });
}

interface PullHow {
  readonly limit: number;
  readonly waitMs: number;
}

/** Page by page, until there are as many as wanted, no more, or none in the time. */
async function pullAll(
  node: Operations,
  request: RequestOf<typeof mailbox_pull>,
  { limit, waitMs }: PullHow,
): Promise<Pulled> {
  const giveUpAt = later(realClock.steady(), waitMs);
  const messages: Mail[] = [];
  let bytes = 0;
  let at: Pick<typeof request, "after" | "group_id"> = { group_id: request.group_id };
  let note: string | undefined;
  for (;;) {
    const leftMs = messages.length > 0 ? 0 : Math.max(0, giveUpAt - realClock.steady());
    const page = await node.call(mailbox_pull, {
      ...request,
      ...at,
      limit: Math.min(PAGE_MESSAGES_MAX, limit - messages.length),
      wait_ms: Math.min(WAIT_MAX_MS, Math.ceil(leftMs)),
    });
    note ??= page.note;
    for (const mail of page.messages) {
      messages.push(mail);
      bytes += mail.content.length;
    }
    const isFull = messages.length >= limit || bytes >= PULLED_BYTES_MAX;
    if (isFull || (!page.has_more && (messages.length > 0 || realClock.steady() >= giveUpAt))) {
      return { ...page, count: messages.length, messages, note };
    }
    at = { group_id: page.group_id, after: page.next_cursor.place };
  }
}
