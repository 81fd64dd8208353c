import { trimSpace } from "../../core/bytes/text.ts";
import { EntmootError } from "../../core/errors.ts";
import { GroupId } from "../../core/ids.ts";
import { formatPolicy, POLICY_PRESETS, type Policy } from "../../core/policy/policy.ts";
import { KEEP_DAYS } from "../../core/policy/retention.ts";
import type { GlobalOptions } from "../../daemon/options.ts";
import { type Daemon, startDaemon } from "../../daemon/start-daemon.ts";
import { printProse } from "../../host/print.ts";
import { programName } from "../../host/program-name.ts";
import { realClock } from "../../host/real-clock.ts";
import { shellCommand } from "../../host/shell-quote.ts";
import { mootUsedLast, noteMootUsed } from "../../node/last-moot.ts";
import { type MootStatus, status, type UnopenedMoot } from "../../node/operations/daemon.ts";
import { link_create } from "../../node/operations/invites.ts";
import { group_create } from "../../node/operations/moots.ts";
import type { Operations } from "../../node/operations/operation.ts";
import type { NodeStore } from "../../store/node-store.ts";
import { mootName } from "../../view/event-line.ts";
import { terminalText } from "../../view/terminal-text.ts";
import { defineCommand, repeated } from "../line/command.ts";
import { namedFailure } from "../line/command-error.ts";
import { daemonFlags, parseDaemonFlags } from "../line/daemon-flags.ts";
import { globalFlags, parseGlobalOptions } from "../line/global-flags.ts";
import { parseMoot } from "../line/moot-argument.ts";
import { parseAfter } from "../line/place-argument.ts";
import { findMoot } from "../talk/choose-moot.ts";
import { report } from "../talk/report.ts";
import { talk } from "../talk/talk.ts";

const LABEL = "up";
/** Ours. What somebody needs who wants to try it with a few others today. */
const LINK_USES = 10;
const LINK_VALID_MS = 24 * 3_600_000;

/** People talk here, who forget nothing by surprise and type faster than six lines a minute. */
const TALK_POLICY: Policy = { ...POLICY_PRESETS.relaxed, retention_days: KEEP_DAYS };

/** `up`: from nothing to a running moot with a link to share, in one command. */
export const up = defineCommand({
  meta: { name: "up", description: "Start here: run a node, make a moot and a link to join it, talk in it" },
  help: {
    examples: ["entmootd up", 'entmootd up -moot "release council"', "entmootd up -stdin json"],
    exits: [0, 1, 3, 5, 6],
    words: ["moot"],
    effect: 'a moot and a link may have been made all the same; "entmootd info" shows them',
    notes: [
      "Opens the moot asked for; with -moot one of a new name is created. Without, the one used last, or a new private one. On a terminal it shows",
      "messages and publishes what you type to topic chat; /help there tells more. Elsewhere it prints JSON lines:",
      "one with event ready, then message and peer. With -stdin json it also reads lines such as",
      '{"publish":{"content":"hello"}}, answers each with event published or error, and ends when stdin does.',
      "With -after PLACE, the place of the last message line that was worked on, it goes on behind that after a restart.",
      "SIGINT, SIGTERM, SIGQUIT and a terminal that hangs up end it; what was typed and not published is printed then.",
      "While it runs, every other command works too. Times are in UTC, as the Z behind them says.",
    ],
  },
  args: {
    ...globalFlags,
    group: { type: "string", valueHint: "GID", defaultHint: "the one used last", description: "the moot to open" },
    moot: {
      type: "string",
      valueHint: "MOOT",
      defaultHint: "a friendly one",
      description: "the moot to open by name, or to create when this node has none of that name",
    },
    ...daemonFlags,
    json: { type: "boolean", description: "JSON lines also on a terminal" },
    after: {
      type: "string",
      repeatable: true,
      valueHint: "PLACE",
      description: "with JSON lines: first print what arrived after this place of a message, one for each moot",
    },
    stdin: { type: "string", default: "off", valueHint: "json|off", description: "whether JSON lines are read" },
  },
  async run({ args }) {
    const options = parseGlobalOptions(args, process.env);
    const asked = await parseAsked(args, options);
    if (args.stdin !== "json" && args.stdin !== "off") {
      throw new EntmootError("invalid_argument", `${LABEL}: -stdin: expected json or off, found ${args.stdin}`);
    }
    const isSpokenTo = args.stdin === "json";
    const isTalk = process.stdout.isTTY && !args.json && !isSpokenTo;
    const after = parsePlaces(repeated(args.after), isTalk);
    await namedFailure(LABEL, async () => {
      await using daemon = await startDaemon(options, {
        command: LABEL,
        control: true,
        ...parseDaemonFlags(LABEL, args),
      });
      const moot = await openMoot(daemon, asked);
      const link = moot.founder ? await makeLink(daemon.node, moot.group_id) : undefined;
      const next = link === undefined ? undefined : shellCommand(["entmootd", "join", link]);
      if (isTalk) {
        await talk(daemon, {
          clock: realClock,
          moot,
          invitation: invitation(next),
          ownName: args.hostname ?? "",
          program: [programName(), ...(args.data === undefined ? [] : ["-data", args.data])],
        });
      } else await report(daemon, { clock: realClock, moot, link, next, isSpokenTo, after });
    });
  },
});

/** Throws `invalid_argument`: a bare number is of one moot, and all of them are told. */
function parsePlaces(texts: readonly string[], isTalk: boolean): readonly string[] {
  if (texts.length > 0 && isTalk) {
    throw new EntmootError("invalid_argument", `${LABEL}: -after is for JSON lines: give -json or -stdin json too`);
  }
  const seq = texts.find((text) => /^\d+$/.test(text));
  if (seq === undefined) {
    const { others, places, whole } = parseAfter(LABEL, texts, false);
    if (!others && whole.length === 0) return places;
    throw new EntmootError("invalid_argument", `${LABEL}: -after: GID:0 and all:0 are for tail and query; name places`);
  }
  throw new EntmootError("invalid_argument", `${LABEL}: -after ${seq}: expected the place that a message line names`);
}

interface MootAsked {
  readonly groupId: GroupId | undefined;
  readonly name: string | undefined;
}

async function parseAsked(
  args: { readonly group?: string | undefined; readonly moot?: string | undefined },
  options: GlobalOptions,
): Promise<MootAsked> {
  const name = args.moot === undefined ? undefined : trimSpace(args.moot);
  if (name === "") throw new EntmootError("invalid_argument", `${LABEL}: -moot: expected a name`);
  const label = `${LABEL}: -group`;
  const groupId = args.group === undefined ? undefined : await parseMoot(label, args.group, { options });
  if (groupId !== undefined && name !== undefined) {
    throw new EntmootError("invalid_argument", `${LABEL}: -group and -moot: give one of them`);
  }
  return { groupId, name };
}

/** The moot to begin with, made when there is none. Throws `group_not_found` for one asked for by id. */
async function openMoot({ node, settings }: Daemon, { groupId, name }: MootAsked): Promise<MootStatus> {
  const { groups: moots, unopened } = await node.call(status, {});
  if (groupId !== undefined) {
    const found = moots.find((moot) => moot.group_id === groupId);
    const shut = unopened.find((moot) => moot.group_id === groupId);
    if (found === undefined && shut !== undefined)
      throw new EntmootError("data_root_invalid", `${LABEL}: ${shut.reason}`);
    if (found === undefined) {
      throw new EntmootError("group_not_found", `${LABEL}: group not joined: ${GroupId.toBase64(groupId)}`);
    }
    noteMootUsed(settings, groupId);
    return found;
  }
  const shut = meantButShut(unopened, { name, settings, isAnyOpen: moots.length > 0 });
  if (shut !== undefined) {
    const called = shut.name ? ` (${JSON.stringify(terminalText(shut.name, 80))})` : "";
    const what = `moot ${GroupId.toBase64(shut.group_id)}${called} cannot be opened, and may be the one meant`;
    throw new EntmootError(
      "data_root_invalid",
      `${LABEL}: ${what}: ${shut.reason}; to open another, give its id with -group`,
    );
  }
  const known = await findMoot(node, settings, { moots, name });
  if (known === undefined && name !== undefined && moots.length > 0) {
    printProse(`${LABEL}: no moot of that name here; making "${terminalText(name, 80)}"`);
  }
  const moot = known ?? (await createMoot(node, name ?? mootName(), TALK_POLICY));
  noteMootUsed(settings, moot.group_id);
  return moot;
}

/**
 * The moot that cannot be opened and is the one meant, or may be: nobody is to talk in another without knowing. Of those here
 * it is the one called so, or whose name is not known; without a name the one used last.
 */
function meantButShut(
  unopened: readonly UnopenedMoot[],
  { isAnyOpen, name, settings }: { isAnyOpen: boolean; name: string | undefined; settings: NodeStore },
): UnopenedMoot | undefined {
  if (name !== undefined) return unopened.find((moot) => moot.name === name || moot.name === undefined);
  return mootUsedLast(settings, unopened) ?? (isAnyOpen ? undefined : unopened[0]);
}

async function createMoot(node: Operations, name: string, policy: Policy): Promise<MootStatus> {
  const { group_id } = await node.call(group_create, {
    name,
    visibility: "private",
    join_mode: "invite_only",
    policy_source: "preset:relaxed",
    policy: formatPolicy(policy),
  });
  return (await node.call(status, {})).groups.find((group) => group.group_id === group_id)!;
}

/** A link cannot be shown twice, so each start makes a new one; those before it stay good. */
async function makeLink(node: Operations, groupId: GroupId): Promise<string> {
  const { link } = await node.call(link_create, { group_id: groupId, uses: LINK_USES, valid_for_ms: LINK_VALID_MS });
  return link;
}

function invitation(next: string | undefined): string[] {
  if (next === undefined) return ["only its founder can make links; ask there for one to bring in others"];
  return [`on another machine run (good for ${LINK_USES} joiners and 24 hours):`, `  ${next}`];
}
