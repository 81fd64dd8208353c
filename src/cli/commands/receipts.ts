import { EntmootError } from "../../core/errors.ts";
import { GroupId } from "../../core/ids.ts";
import { openOperations, openReading } from "../../daemon/open-operations.ts";
import type { GlobalOptions } from "../../daemon/options.ts";
import { printJson, printLine, printProse } from "../../host/print.ts";
import { realClock } from "../../host/real-clock.ts";
import type { RequestOf } from "../../node/operations/operation.ts";
import { receipt_settings, receipts as receiptsOperation } from "../../node/operations/receipts.ts";
import { receiptsJson, receiptsText } from "../../view/receipt-text.ts";
import { whichMessage } from "../../view/which-message.ts";
import { defineCommand } from "../line/command.ts";
import { namedFailure } from "../line/command-error.ts";
import { parseInteger } from "../line/flag-values.ts";
import { globalFlags, parseGlobalOptions } from "../line/global-flags.ts";
import { MootNames } from "../line/inbox-names.ts";
import { parseMoot } from "../line/moot-argument.ts";

const LABEL = "receipts";
const SWITCHES = ["send", "presence", "show-host", "moot", "moot-presence"] as const;

const onOff = (description: string) =>
  ({ type: "string", valueHint: "on|off", defaultHint: "as it is", description }) as const;

/** `receipts`: what became of own messages at those they asked, and what of that is told at all. */
export const receipts = defineCommand({
  meta: { name: LABEL, description: "Show what became of your messages at those they asked" },
  help: {
    examples: ["entmootd receipts", "entmootd receipts kYbNysGxsrS1 -json", "entmootd receipts -send off"],
    exits: [0, 1, 3, 5, 6],
    effect: "what was switched stays so",
    notes: [
      "A message asks whom it names (@NAME, @ID) or answers. Each row says what the member itself tells: that it has the",
      "message, that its agent has it, has read or answered it, or that none is woken there. One that tells nothing may be",
      "away, of another version, or have switched this off. Who listens is only known while a daemon runs.",
      "With -send, -presence, -show-host (this node, in all moots) or -moot, -moot-presence (all members of the moot of",
      "-group, which this node founded) it changes what is told instead, and prints what holds then. Public moots have none.",
    ],
  },
  args: {
    ...globalFlags,
    message: {
      type: "positional",
      required: false,
      valueHint: "MESSAGE_ID",
      description: "only this message; its first 8 characters or more",
    },
    group: { type: "string", valueHint: "GID", defaultHint: "all groups", description: "only this group" },
    limit: { type: "string", default: "20", valueHint: "N", description: "at most so many, the latest" },
    json: { type: "boolean", description: "one JSON object a line" },
    send: onOff("tell what becomes of messages that ask this node"),
    presence: onOff("tell whether anything here can wake an agent"),
    "show-host": onOff("and the name of the program that listens"),
    moot: onOff("let members of the moot tell receipts; founder only"),
    "moot-presence": onOff("let them tell who listens; founder only"),
  },
  async run({ args }) {
    const options = parseGlobalOptions(args, process.env);
    const limit = parseInteger(`${LABEL}: -limit`, args.limit, { min: 1, max: 200 });
    const switched = SWITCHES.filter((name) => args[name] !== undefined);
    const flags = Object.fromEntries(switched.map((name) => [name, flag(name, args[name]!)]));
    const isRule = flags.moot !== undefined || flags["moot-presence"] !== undefined;
    if (switched.length > 0 && args.message !== undefined) refuse(`-${switched[0]} shows no message; leave it out`);
    if (isRule && args.group === undefined) refuse("-moot and -moot-presence: expected -group beside them");
    if (switched.length > 0 && !isRule && args.group !== undefined) {
      refuse(`-${switched[0]} is for all moots of this node; leave -group out`);
    }
    const group_id = args.group === undefined ? undefined : await parseMoot(LABEL, args.group, { options });
    await namedFailure(LABEL, () =>
      switched.length > 0
        ? change(options, {
            send: flags.send,
            presence: flags.presence,
            show_host: flags["show-host"],
            moot_receipts: flags.moot,
            moot_presence: flags["moot-presence"],
            ...(isRule ? { group_id } : {}),
          })
        : show(options, { group_id, limit, text: args.message, isJson: args.json ?? false }),
    );
  },
});

interface ShownReceipts {
  readonly group_id: GroupId | undefined;
  readonly limit: number;
  readonly text: string | undefined;
  readonly isJson: boolean;
}

async function show(options: GlobalOptions, { group_id, isJson, limit, text }: ShownReceipts): Promise<void> {
  await using node = await openReading(options);
  const named = text === undefined ? { group_id } : await whichMessage(LABEL, text, { node, group_id });
  const { more, rows } = await node.call(receiptsOperation, { ...named, limit });
  const names = new MootNames(options);
  for (const row of rows) {
    if (isJson) printJson(receiptsJson(row));
    else printLine(receiptsText(row, await names.of(row.group_id), realClock.unix()));
  }
  if (isJson) return;
  if (more) printProse(`${LABEL}: there are more; -limit shows up to 200, MESSAGE_ID any`);
  if (rows.length === 0) {
    printProse(`${LABEL}: no message of this node asked anybody; name somebody in one: "entmootd ask @NAME QUESTION"`);
  }
}

async function change(options: GlobalOptions, asked: RequestOf<typeof receipt_settings>): Promise<void> {
  await using node = await openOperations(options, { create: false, change: true });
  const { moots, presence, send, show_host } = await node.call(receipt_settings, asked);
  const shown = moots.filter(({ group_id }) => asked.group_id === undefined || group_id === asked.group_id);
  printJson({
    send,
    presence,
    show_host,
    moots: shown.map((moot) => ({
      group_id: GroupId.toBase64(moot.group_id),
      receipts: moot.receipts,
      presence: moot.presence,
      ...(moot.public ? { public: true } : {}),
      ...(moot.founder ? { founder: true } : {}),
    })),
  });
}

function flag(name: string, text: string): boolean {
  if (text === "on" || text === "off") return text === "on";
  return refuse(`-${name}: expected on or off, found ${JSON.stringify(text.slice(0, 40))}`);
}

function refuse(why: string): never {
  throw new EntmootError("invalid_argument", `${LABEL}: ${why}`);
}
