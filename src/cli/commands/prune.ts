import { trimSpace } from "../../core/bytes/text.ts";
import { EntmootError } from "../../core/errors.ts";
import { GroupId } from "../../core/ids.ts";
import { dayText } from "../../core/policy/retention.ts";
import { openOperations } from "../../daemon/open-operations.ts";
import { printJson, printProse } from "../../host/print.ts";
import { realClock } from "../../host/real-clock.ts";
import { prune as pruneOperation } from "../../node/operations/care.ts";
import { defineCommand } from "../line/command.ts";
import { namedFailure } from "../line/command-error.ts";
import { globalFlags, parseGlobalOptions } from "../line/global-flags.ts";
import { Interrupt } from "../line/interrupt.ts";
import { jsonAlready } from "../line/json-already.ts";
import { oneMoot } from "../line/moot-argument.ts";
import { SlowProgress } from "../line/slow-progress.ts";
import { parseTimeBound } from "../line/time-bound.ts";
import { parseValidFor } from "../line/valid-for.ts";

const LABEL = "prune";

/** `prune`: what is older is not kept here. */
export const prune = defineCommand({
  meta: { name: LABEL, description: "Remove here what of a moot is older than a day, and keep it away" },
  help: {
    examples: ["entmootd prune council -older-than 90d -dry-run", "entmootd prune council -before 2026-09-01 -yes"],
    exits: [0, 1, 3, 5, 6],
    effect: "what is older is not kept here any more all the same",
    notes: [
      "On this node alone: members keep what they keep, and the moot goes on. What nobody else holds is gone for good, so the",
      "command asks unless -yes is given. Days are those of UTC. -older-than counts from the date here, and is refused",
      "while members do not agree on it; -before names the day. -lift ends it: what others still hold comes back.",
    ],
  },
  args: {
    ...globalFlags,
    ...jsonAlready,
    group: { type: "string", valueHint: "GID", defaultHint: "the only group", description: "the group" },
    "older-than": { type: "string", valueHint: "D", description: "such as 90d or 72h" },
    before: { type: "string", valueHint: "DAY", description: "such as 2026-09-01, in place of that" },
    lift: { type: "boolean", description: "keep again what the policy keeps" },
    "dry-run": { type: "boolean", description: "only tell how many would go" },
    yes: { type: "boolean", description: "do not ask" },
  },
  async run({ args }) {
    const options = parseGlobalOptions(args, process.env);
    const asked = askedFor(args);
    const group_id = await oneMoot(LABEL, args.group, { options });
    const isDry = args["dry-run"] ?? false;
    await namedFailure(LABEL, async () => {
      await using node = await openOperations(options, { create: false, change: true });
      using interrupt = new Interrupt("what is left of it goes by itself");
      const { signal } = interrupt;
      const request = { group_id, ...asked };
      if (!isDry && !(args.yes ?? false) && asked.lift === undefined) {
        const { before_ms, messages } = await node.call(pruneOperation, { ...request, dry_run: true }, { signal });
        requireYes(messages, before_ms);
      }
      const progress = new SlowProgress(LABEL, "messages");
      const said = await node.call(
        pruneOperation,
        { ...request, dry_run: isDry },
        { signal, onEvent: ({ removed, total }) => progress.show(removed, total, "removed") },
      );
      const { before_ms, dry_run, left, messages } = said;
      const event = dry_run ? "would_prune" : before_ms === 0 ? "lifted" : "pruned";
      const before = before_ms === 0 ? {} : { before: dayText(BigInt(before_ms)) };
      printJson({ event, group_id: GroupId.toBase64(group_id), ...before, messages, left });
    });
  },
});

interface PruneAsked {
  readonly older_than_ms?: number;
  readonly before_ms?: number;
  readonly lift?: true;
}

function askedFor(args: {
  readonly before?: string | undefined;
  readonly lift?: boolean | undefined;
  readonly "older-than"?: string | undefined;
}): PruneAsked {
  const { before, lift = false, "older-than": olderThan } = args;
  if ([before, olderThan, lift || undefined].filter((each) => each !== undefined).length !== 1) {
    throw new EntmootError("invalid_argument", `${LABEL}: expected one of -older-than D, -before DAY and -lift`);
  }
  if (olderThan !== undefined) return { older_than_ms: parseValidFor(`${LABEL}: -older-than`, olderThan) };
  if (before !== undefined) return { before_ms: dayOf(before) };
  return { lift: true };
}

/** A day, or an instant in it. */
function dayOf(text: string): number {
  const word = trimSpace(text);
  const instant = /^\d{4}-\d\d-\d\d$/.test(word) ? `${word}T00:00:00Z` : word;
  const ms = Number(parseTimeBound(`${LABEL}: -before`, instant, realClock.unix()));
  if (ms > 0 && ms <= 8.64e15) return ms;
  throw new EntmootError("invalid_argument", `${LABEL}: -before: expected a day after 1970-01-01`);
}

/** Asks on a terminal. Throws `invalid_argument` without a yes. */
function requireYes(messages: number, beforeMs: number): void {
  const what = `${messages} messages older than ${dayText(BigInt(beforeMs))} go here, for good where nobody else holds them`;
  printProse(`${LABEL}: ${what}`);
  const answer = process.stdin.isTTY ? prompt(`${LABEL}: remove them? [y/N]`) : null;
  if (/^y(es)?$/i.test(trimSpace(answer ?? ""))) return;
  throw new EntmootError("invalid_argument", "nothing was removed; say -yes to go on, or -dry-run to see how many");
}
