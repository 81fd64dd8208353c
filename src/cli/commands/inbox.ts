import { later } from "../../core/clock.ts";
import { EntmootError, textOf } from "../../core/errors.ts";
import { GroupId } from "../../core/ids.ts";
import { connectToLook, openAnswering, openOperations, openReading } from "../../daemon/open-operations.ts";
import type { GlobalOptions } from "../../daemon/options.ts";
import { printJson, printLine, printProse } from "../../host/print.ts";
import { realClock } from "../../host/real-clock.ts";
import { onReaderGone } from "../../host/stdout-reader.ts";
import { INBOX_ROWS_MAX, type InboxRow, inbox_ack, inbox as inboxOperation } from "../../node/operations/inbox.ts";
import { WAIT_MAX_MS } from "../../node/operations/messages.ts";
import type { AnswerOf, Operations, RequestOf } from "../../node/operations/operation.ts";
import { pause } from "../../transport/wait.ts";
import { inboxJson, inboxText } from "../../view/inbox-line.ts";
import { whichMessage } from "../../view/which-message.ts";
import { defineCommand } from "../line/command.ts";
import { namedFailure } from "../line/command-error.ts";
import { parseInteger, parsePatienceMs } from "../line/flag-values.ts";
import { globalFlags, parseGlobalOptions } from "../line/global-flags.ts";
import { MootNames } from "../line/inbox-names.ts";
import { parseMoot } from "../line/moot-argument.ts";
import { tellLeftOut } from "../line/places-asked.ts";

const LABEL = "inbox";
/** Ours. Between two looks for a daemon, or into a data root that no daemon serves. */
const LOOK_AGAIN_MS = 500;

/** `inbox`: what nobody here is done with, in all moots. */
export const inbox = defineCommand({
  meta: { name: LABEL, description: "Show what is unread in all moots, or be done with it" },
  help: {
    examples: [
      "entmootd inbox",
      "entmootd inbox -asks -json -limit 1 -wait 1m",
      "entmootd inbox -ack MESSAGE_ID -through",
    ],
    exits: [0, 1, 3, 5, 6],
    effect: "what was acknowledged stays acknowledged",
    notes: [
      "Shows the oldest first, newest last, and marks nothing read: only read, reply and -ack do. What this node wrote,",
      "what is older than its membership and what muted members write is not shown.",
      "With -follow what comes is shown too, each message once, until a signal ends it; that needs a daemon.",
      "A message id may be cut to its first 8 characters or more.",
    ],
  },
  args: {
    ...globalFlags,
    group: { type: "string", valueHint: "GID", defaultHint: "all groups", description: "only this group" },
    asks: { type: "boolean", description: "only what names this node or answers it" },
    limit: { type: "string", default: "50", valueHint: "N", description: "at most so many; 0 for all" },
    wait: { type: "string", valueHint: "D", description: "while there is none, wait up to so long for one" },
    follow: { type: "boolean", description: "go on with what comes" },
    json: { type: "boolean", description: "one JSON object a line" },
    ack: { type: "string", valueHint: "MESSAGE_ID", description: "be done with this message instead" },
    through: { type: "boolean", description: "with -ack: and with everything before it in its group" },
  },
  async run({ args }) {
    const options = parseGlobalOptions(args, process.env);
    const limit = parseInteger(`${LABEL}: -limit`, args.limit, { min: 0, max: Number.MAX_SAFE_INTEGER });
    const waitMs = args.wait === undefined ? 0 : parsePatienceMs(`${LABEL}: -wait`, args.wait);
    if (args.through && args.ack === undefined) refuse("-through goes with -ack MESSAGE_ID");
    if (args.follow && args.wait !== undefined) refuse("-follow waits by itself; leave -wait out");
    if (args.ack !== undefined && (args.follow || args.wait !== undefined || args.asks)) {
      refuse("-ack shows nothing; leave -follow, -wait and -asks out");
    }
    const group_id = args.group === undefined ? undefined : await parseMoot(LABEL, args.group, { options });
    await namedFailure(LABEL, async () => {
      if (args.ack !== undefined) return await acknowledge(options, { ack: args.ack, group_id, through: args.through });
      const names = new MootNames(options);
      const print = async (row: InboxRow) => {
        if (args.json) printJson(inboxJson(row));
        else printLine(inboxText(row, await names.of(row.group_id)));
      };
      const asked = { group_id, ...(args.asks ? { asks: true } : {}) };
      if (args.follow) await follow(options, asked, print);
      else
        await show(options, {
          asked,
          limit: limit === 0 ? Number.POSITIVE_INFINITY : limit,
          waitMs,
          print,
          isJson: args.json,
        });
    });
  },
});

function refuse(why: string): never {
  throw new EntmootError("invalid_argument", `${LABEL}: ${why}`);
}

async function acknowledge(
  options: GlobalOptions,
  { ack, group_id, through }: { ack: string; group_id: GroupId | undefined; through: boolean | undefined },
): Promise<void> {
  await using node = await openOperations(options, { create: false, change: true });
  const named = await whichMessage(`${LABEL}: -ack`, ack, { node, group_id });
  const done = await node.call(inbox_ack, { ...named, ...(through ? { through } : {}) });
  printJson({ acknowledged: done.acknowledged, group_id: GroupId.toBase64(done.group_id), place: done.place });
}

type AskedFor = Pick<RequestOf<typeof inboxOperation>, "group_id" | "asks">;
type Print = (row: InboxRow) => Promise<void>;

interface Shown {
  readonly asked: AskedFor;
  readonly limit: number;
  readonly waitMs: number;
  readonly print: Print;
  readonly isJson: boolean | undefined;
}

async function show(options: GlobalOptions, { asked, isJson, limit, print, waitMs }: Shown): Promise<void> {
  const endsAt = later(realClock.steady(), waitMs);
  for (;;) {
    const leftMs = Math.ceil(Math.max(0, endsAt - realClock.steady()));
    {
      await using node = await openReading(options);
      const { found, printed } = await showPages(node, { asked, limit, print, waitMs: leftMs });
      const isLate = realClock.steady() >= endsAt;
      if (printed > 0 || isLate) {
        for (const moot of found.unread_moots) tellLeftOut(LABEL, moot);
        if (!isJson) tellRest(found, printed);
        return;
      }
    }
    // The files of a root that no daemon serves: nothing tells when something comes.
    await pause(realClock, Math.min(LOOK_AGAIN_MS, Math.max(1, endsAt - realClock.steady())));
  }
}

async function showPages(
  node: Operations,
  { asked, limit, print, waitMs }: Omit<Shown, "isJson">,
): Promise<{ readonly found: AnswerOf<typeof inboxOperation>; readonly printed: number }> {
  let printed = 0;
  let after: readonly string[] | undefined;
  for (;;) {
    const request = {
      ...asked,
      limit: Math.min(INBOX_ROWS_MAX, limit - printed),
      ...(after === undefined ? {} : { after }),
      ...(printed === 0 && waitMs > 0 ? { wait_ms: Math.min(waitMs, WAIT_MAX_MS) } : {}),
    };
    const found = await node.call(inboxOperation, request);
    for (const row of found.rows) await print(row);
    printed += found.rows.length;
    if (!found.more || found.rows.length === 0 || printed >= limit) return { found, printed };
    after = found.places;
  }
}

function tellRest({ asks, more, unread }: AnswerOf<typeof inboxOperation>, printed: number): void {
  if (printed === 0) {
    printProse(`${LABEL}: nothing is unread`);
    return;
  }
  const whole =
    more && unread > printed
      ? `; ${unread} or more are unread, -limit 0 shows all`
      : more
        ? "; there is more, -limit 0 shows all"
        : "";
  const asking = asks === 0 ? "" : `, of which ${asks} ask you`;
  printProse(
    `${LABEL}: ${printed} shown${asking}${whole}; answer one with "entmootd reply MESSAGE_ID -content TEXT", or be done with it with "entmootd inbox -ack MESSAGE_ID"`,
  );
}

/** Shows each once, over restarts of the daemon, until a signal ends it or nobody reads. */
async function follow(options: GlobalOptions, asked: AskedFor, print: Print): Promise<void> {
  const ending = new AbortController();
  using _reader = onReaderGone(realClock, () => ending.abort());
  for (const name of ["SIGINT", "SIGTERM"] as const) process.once(name, () => ending.abort());
  const { signal } = ending;
  await using daemon = await openAnswering(options);
  let current: Operations | undefined = daemon;
  let after: readonly string[] | undefined;
  while (!signal.aborted) {
    try {
      current ??= await connectToLook(options);
      if (current === undefined) {
        await pause(realClock, LOOK_AGAIN_MS, signal);
        continue;
      }
      const request = {
        ...asked,
        ...(after === undefined ? {} : { after }),
        limit: INBOX_ROWS_MAX,
        wait_ms: WAIT_MAX_MS,
      };
      const found = await current.call(inboxOperation, request, { signal });
      for (const row of found.rows) await print(row);
      after = found.places;
    } catch (error) {
      if (signal.aborted) return;
      if (!isLost(error)) throw error;
      printProse(`${LABEL}: ${textOf(error)}; waiting for the daemon to come back`);
      if (current !== daemon) await current?.[Symbol.asyncDispose]();
      current = undefined;
      await pause(realClock, LOOK_AGAIN_MS, signal);
    }
  }
}

function isLost(error: unknown): boolean {
  return error instanceof EntmootError && (error.code === "unavailable" || error.code === "control_unavailable");
}
