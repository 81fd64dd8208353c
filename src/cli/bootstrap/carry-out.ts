import { attachmentHere, readAttachments } from "../../agent/setup/attachments.ts";
import { hostVersion } from "../../agent/setup/set-up.ts";
import { NO_DAEMON, NO_ROOT } from "../../control/control-error.ts";
import { EntmootError } from "../../core/errors.ts";
import { GroupId } from "../../core/ids.ts";
import { decodeJson } from "../../core/json/json-codec.ts";
import { openDaemon, openOperations } from "../../daemon/open-operations.ts";
import { openUnfounded } from "../../daemon/open-unfounded.ts";
import type { GlobalOptions } from "../../daemon/options.ts";
import { realClock } from "../../host/real-clock.ts";
import { type LiveAgentConfig, liveAgentConfig, liveAgentConfigs } from "../../node/agents/live-configs.ts";
import { agent_runner, live_agent_off, live_agent_set, live_agents } from "../../node/operations/agent-setup.ts";
import { default_moot_decline } from "../../node/operations/default-moot.ts";
import type { Operations } from "../../node/operations/operation.ts";
import { isThere } from "../../store/private-files.ts";
import { askedFor, voiceName } from "../attach/asked-for.ts";
import { attachHost } from "../attach/attach-host.ts";
import type { AttachReport } from "../attach/attach-report.ts";
import { chooseDoor } from "../attach/chosen-door.ts";
import { defaultMootSource } from "../line/default-moot-source.ts";
import { hostPlaces, parseHost } from "../line/host-argument.ts";
import { parseMoot } from "../line/moot-argument.ts";
import { type BootstrapChoices, LABEL } from "./choices.ts";

/** Ours. How long a host that runs has to take its test message, as `attach` gives it. */
const TEST_WAIT_MS = 60_000;

/** What holds after it, and what was news. */
export interface BootstrapDone {
  readonly runner: string;
  readonly runnerCommand: string | undefined;
  readonly instructions: boolean;
  readonly live: readonly LiveAgentConfig[];
  /** What was asked for, as it is kept; in a dry run as it would be. */
  readonly asked: LiveAgentConfig | undefined;
  readonly isApplied: boolean;
  readonly isChanged: boolean;
  readonly attached: AttachReport | undefined;
}

/** Does what is not done yet, in an order in which whatever fails leaves what the same command goes on from. */
export async function carryOut(
  options: GlobalOptions,
  choices: BootstrapChoices,
  { isDry }: { readonly isDry: boolean },
): Promise<BootstrapDone> {
  const { attach } = choices;
  if (attach !== undefined) {
    // Before anything is changed.
    await hostVersion(parseHost(LABEL, attach.host), { clock: realClock, places: hostPlaces() });
  }
  const group_id =
    choices.live?.group === undefined ? undefined : await parseMoot(LABEL, choices.live.group, { options });
  const configured = await (async () => {
    await using node = await opened(options, choices, isDry);
    return await configure(node, { choices, group_id, isDry });
  })();
  const attached = attach === undefined ? undefined : await attachAgent(options, attach, isDry);
  return { ...configured, isChanged: configured.isChanged || (attached !== undefined && !attached.already), attached };
}

/** Where nothing is to change nothing is made either; for an agent to be attached a daemon has to run. */
async function opened(options: GlobalOptions, choices: BootstrapChoices, isDry: boolean): Promise<Operations> {
  if (isDry || !(isConfiguring(choices) || choices.attach !== undefined)) return openUnfounded(options);
  if (choices.attach !== undefined) return daemonToAttach(options);
  // What holds where nothing was ever kept needs no identity to be kept by.
  if (!isNews(choices) && !isThere(options.identityPath)) return openUnfounded(options);
  // Who is in a moot has an identity.
  return openOperations(options, { create: choices.live === undefined, change: true });
}

async function daemonToAttach(options: GlobalOptions): Promise<Operations> {
  try {
    return await openDaemon(options);
  } catch (cause) {
    if (!(cause instanceof EntmootError) || (cause.message !== NO_DAEMON && cause.message !== NO_ROOT)) throw cause;
    const next = 'start one with "entmootd serve" in another terminal, then give the same command again';
    throw new EntmootError(cause.code, `${LABEL}: -attach needs a daemon that runs, and nothing was changed; ${next}`, {
      cause,
    });
  }
}

function isConfiguring({ defaultMoot, instructions, live, runner }: BootstrapChoices): boolean {
  return runner !== undefined || instructions !== undefined || defaultMoot === "decline" || isLiveSaid(live);
}

function isNews({ defaultMoot, instructions, live, runner }: BootstrapChoices): boolean {
  return (runner ?? "none") !== "none" || instructions === true || defaultMoot === "decline" || isLiveSaid(live);
}

/** `off` alone is what holds where nothing was ever said, and ends nothing. */
function isLiveSaid(live: BootstrapChoices["live"]): boolean {
  return live !== undefined && (live.mode !== "off" || live.group !== undefined);
}

async function configure(
  node: Operations,
  {
    choices,
    group_id,
    isDry,
  }: { readonly choices: BootstrapChoices; readonly group_id: GroupId | undefined; readonly isDry: boolean },
): Promise<Omit<BootstrapDone, "attached">> {
  const { defaultMoot, instructions, live, runner, runnerCommand } = choices;
  let isChanged = false;
  let asked: LiveAgentConfig | undefined;
  if (live !== undefined && group_id !== undefined && live.mode !== "off") {
    const { changed, config } = await node.call(live_agent_set, {
      group_id,
      node_id: live.node!,
      mode: live.mode,
      topic_filters: live.topics,
      allowed_actions: live.actions,
      max_actions_per_scan: live.maxActions,
      max_action_bytes: live.maxActionBytes,
      dry_run: isDry,
    });
    isChanged = changed;
    asked = decodeJson(liveAgentConfig, config!);
  }
  if (live?.mode === "off" && group_id !== undefined) {
    const { disabled } = await node.call(live_agent_off, { group_id, node_id: live.node ?? 0, dry_run: isDry });
    isChanged = disabled > 0;
  }
  const kept = await node.call(agent_runner, {
    ...(runner === undefined ? {} : { runner }),
    ...(runnerCommand === undefined ? {} : { runner_command: runnerCommand }),
    ...(instructions === undefined ? {} : { agent_instructions: instructions }),
    dry_run: isDry,
  });
  if (defaultMoot === "decline" && !isDry) await node.call(default_moot_decline, defaultMootSource(process.env));
  const configs = decodeJson(liveAgentConfigs, (await node.call(live_agents, {})).configs!) ?? [];
  return {
    runner: kept.runner,
    runnerCommand: kept.runner_command,
    instructions: kept.agent_instructions,
    live: configs,
    asked,
    isApplied: !isDry && isConfiguring(choices),
    isChanged: (isChanged || kept.changed) && !isDry,
  };
}

/** As `attach` does; where the agent hears already as who was asked for nothing is done again. */
async function attachAgent(
  options: GlobalOptions,
  { as, group, host }: NonNullable<BootstrapChoices["attach"]>,
  isDry: boolean,
): Promise<AttachReport> {
  const setup = parseHost(LABEL, host);
  const places = hostPlaces();
  const before = attachmentHere(readAttachments(options.dataDir), setup, places);
  const asked = await askedFor(options, { as, group }, voiceName(host, setup), before);
  const groupId = asked.groupId === undefined ? undefined : GroupId.toBase64(asked.groupId);
  const isSameMoot = groupId === undefined || before?.group_id === groupId;
  if (before !== undefined && before.voice === asked.voice && isSameMoot) {
    const { group_id = null, voice = null } = before;
    return { already: true, event: "attached", group_id, host, next: "entmootd attach -status", voice };
  }
  const door = chooseDoor(setup, places, { before: before?.door, word: undefined });
  return attachHost(options, { ...asked, isTested: true, door, setup, isDry, url: undefined, waitMs: TEST_WAIT_MS });
}
