import { shownLine } from "../../core/bytes/shown-text.ts";
import { GroupId } from "../../core/ids.ts";
import { openOperations } from "../../daemon/open-operations.ts";
import type { GlobalOptions } from "../../daemon/options.ts";
import { printJson, printProse } from "../../host/print.ts";
import { realClock } from "../../host/real-clock.ts";
import { moot_forget, moot_leave, moots } from "../../node/operations/membership.ts";
import { defineCommand } from "../line/command.ts";
import { namedFailure } from "../line/command-error.ts";
import { parsePatienceMs } from "../line/flag-values.ts";
import { globalFlags, parseGlobalOptions } from "../line/global-flags.ts";
import { jsonAlready } from "../line/json-already.ts";
import { oneMoot } from "../line/moot-argument.ts";
import { requireYes, yesFlag } from "../line/yes.ts";

const LEAVE = "group leave";
const FORGET = "group forget";

const group = { type: "string", valueHint: "GID", defaultHint: "the only group", description: "the group" } as const;

/** `group leave`: this node is no member any more, and says so to the others. */
export const groupLeave = defineCommand({
  meta: { name: "leave", description: "Leave a moot: the others see it, and its founder removes this node" },
  help: {
    examples: ["entmootd group leave -group GID", "entmootd group leave -group GID -yes -wait 30s"],
    exits: [0, 1, 2, 3, 5, 6],
    effect: 'this node has left all the same; "entmootd group list" shows it',
    notes: [
      "What this node holds stays, and can be read. Nothing is published there any more. The record is signed and kept at",
      'once; a daemon tells it to every member it meets. "entmootd group forget" takes the moot away afterwards. Only the',
      "founder can add this node again. Asks on a terminal; elsewhere -yes is needed.",
    ],
  },
  args: {
    ...globalFlags,
    ...jsonAlready,
    group,
    ...yesFlag,
    wait: { type: "string", default: "5s", valueHint: "D", description: "wait so long until a member has heard of it" },
  },
  async run({ args }) {
    const options = parseGlobalOptions(args, process.env);
    const wait_ms = parsePatienceMs(`${LEAVE}: -wait`, args.wait);
    const group_id = await oneMoot(LEAVE, args.group, { options });
    await namedFailure(LEAVE, async () => {
      // Who cannot leave is told so by the node, and not asked first.
      if (!(args.yes ?? false) && !(await isFounded(options, group_id))) {
        requireYes(
          LEAVE,
          `this node leaves the moot ${GroupId.toBase64(group_id)}; only its founder can add it again`,
          {
            question: "leave it?",
            refused: "not left; say -yes to go on",
          },
        );
      }
      await using node = await openOperations(options, { create: false, change: true });
      using _waiting = tellingWait(args.wait);
      const { left_ms, removed, told } = await node.call(moot_leave, { group_id, wait_ms });
      printJson({ event: "left", group_id: GroupId.toBase64(group_id), left_ms, told, removed });
      const next = "entmootd group forget";
      if (removed || told > 0)
        printProse(
          `${LEAVE}: ${removed ? "the founder has taken this node off the roster" : "a member knows, and tells the others"}; "${next}" takes the moot off this node`,
        );
      else {
        printProse(
          `${LEAVE}: nobody was there to hear of it; run the daemon ("entmootd serve") until a member is met, before "${next}"`,
        );
      }
    });
  },
});

/** Ours. Who hears of it sooner is not told that it is waited for. */
const QUIET_MS = 1_000;

/** Says that it is waited for somebody, where that takes long, until it is disposed of. */
function tellingWait(wait: string): Disposable {
  const text = `${LEAVE}: it is signed and kept; waiting ${wait} at most until a member has heard of it`;
  return realClock.after(QUIET_MS, () => printProse(text));
}

async function isFounded(options: GlobalOptions, group_id: GroupId): Promise<boolean> {
  await using node = await openOperations(options, { create: false, change: false });
  const { moots: rows } = await node.call(moots, { group_id });
  return rows[0]?.founder ?? false;
}

/** `group forget`: a moot is here no more. */
export const groupForget = defineCommand({
  meta: { name: "forget", description: "Take a moot off this node; an archive of it is kept" },
  help: {
    examples: ["entmootd group forget -group GID", "entmootd group forget -group GID -keep=false -yes"],
    exits: [0, 1, 3, 5, 6],
    effect: 'the moot is gone all the same; "entmootd group list" shows what is there',
    notes: [
      'An archive stays, which "entmootd import" brings back: messages and roster as they were signed. A member leaves first;',
      "-force goes on without that, and for a founder whose moot has other members. Asks on a terminal; elsewhere -yes is",
      "needed.",
    ],
  },
  args: {
    ...globalFlags,
    ...jsonAlready,
    group,
    ...yesFlag,
    keep: { type: "boolean", default: true, description: "write an archive first; -keep=false deletes everything" },
    force: { type: "boolean", description: "also where the others do not know that this node is gone" },
  },
  async run({ args }) {
    const options = parseGlobalOptions(args, process.env);
    const keep = args.keep ?? true;
    const group_id = await oneMoot(FORGET, args.group, { options });
    await namedFailure(FORGET, async () => {
      if (!(args.yes ?? false)) {
        const what = keep ? "an archive of it is kept" : "nothing of it is kept";
        requireYes(FORGET, `the moot ${GroupId.toBase64(group_id)} is taken off this node; ${what}`, {
          question: "forget it?",
          refused: "not forgotten; say -yes to go on",
        });
      }
      await using node = await openOperations(options, { create: false, change: true });
      const asked = { group_id, keep, ...(args.force ? { force: true } : {}) };
      const { kept_at, links_ended } = await node.call(moot_forget, asked);
      printJson({
        event: "forgotten",
        group_id: GroupId.toBase64(group_id),
        ...(kept_at === undefined ? {} : { kept_at }),
        ...(links_ended === 0 ? {} : { links_ended }),
      });
      if (kept_at !== undefined) printProse(`${FORGET}: an archive of it is at ${shownLine(kept_at)}`);
    });
  },
});
