import { trimSpace } from "../../core/bytes/text.ts";
import { EntmootError } from "../../core/errors.ts";
import { ID_START_MIN, isIdStart, writtenId } from "../../core/written-id.ts";
import { printJson } from "../../host/print.ts";
import { mailbox_ack } from "../../node/operations/mailbox.ts";
import { acknowledgedJson } from "../../view/mailbox-json.ts";
import { whichMessage } from "../../view/which-message.ts";
import { defineCommand } from "../line/command.ts";
import { parseGlobalOptions } from "../line/global-flags.ts";
import { mailboxFlags, parseClient, tellNote, withMailbox } from "../line/mailbox-client.ts";
import { requirePlace } from "../line/place-argument.ts";

const LABEL = "mailbox ack";

/** `mailbox ack`: everything up to a message is done with, for good. */
export const mailboxAck = defineCommand({
  meta: { name: "ack", description: "Acknowledge everything up to a message or place" },
  help: {
    examples: [
      "entmootd mailbox ack -client bot -message MESSAGE_ID",
      "entmootd mailbox ack -client bot -through PLACE",
    ],
    exits: [0, 1, 3, 5, 6],
    effect: "what was asked for may be acknowledged all the same",
    words: ["message"],
    notes: [
      "What is acknowledged is on disk when this ends, and never shown to this client again.",
      "A message that arrived before what is acknowledged already changes nothing.",
    ],
  },
  args: {
    ...mailboxFlags,
    message: {
      type: "string",
      valueHint: "MESSAGE_ID",
      description: "up to this message, in the order of arrival; the first 8 characters of its id or more",
    },
    through: { type: "string", valueHint: "PLACE", description: "instead: up to a place, such as next_cursor's" },
  },
  async run({ args }) {
    const options = parseGlobalOptions(args, process.env);
    const client_id = parseClient(LABEL, args.client);
    const { group, message, through } = args;
    if (message !== undefined && through !== undefined) {
      throw new EntmootError("invalid_argument", `${LABEL}: expected -message or -through, found both`);
    }
    if (!message && !through) {
      throw new EntmootError("invalid_argument", `${LABEL}: -message is required, or -through PLACE`);
    }
    if (message !== undefined) requireNamed(message);
    if (through !== undefined) requirePlace(`${LABEL}: -through`, through);
    await withMailbox({ label: LABEL, options, group }, async (node, group_id) => {
      const asked = { node, group_id };
      const message_id =
        message === undefined ? undefined : (await whichMessage(`${LABEL}: -message`, message, asked)).message_id;
      const answer = await node.call(mailbox_ack, { group_id, client_id, message_id, through });
      tellNote(LABEL, client_id, answer.note);
      printJson(acknowledgedJson(answer));
    });
  },
});

/** In the original's words where it would refuse it too. */
function requireNamed(message: string): void {
  try {
    if (!isIdStart(trimSpace(message))) writtenId(`${LABEL}: message id`, message);
  } catch (cause) {
    if (!(cause instanceof EntmootError)) throw cause;
    const expected = `-message takes an id, or its first ${ID_START_MIN} characters or more`;
    throw new EntmootError(cause.code, `${cause.message}; ${expected}`, { cause });
  }
}
