import { type Attachment, readAttachments, TERMINAL } from "../../agent/setup/attachments.ts";
import { HOST_SETUPS } from "../../agent/setup/host-setups.ts";
import { hostVersion } from "../../agent/setup/set-up.ts";
import { ControlClient } from "../../control/control-client.ts";
import { textOf } from "../../core/errors.ts";
import { GroupId, MessageId } from "../../core/ids.ts";
import type { GlobalOptions } from "../../daemon/options.ts";
import { printJson, printProse } from "../../host/print.ts";
import { realClock } from "../../host/real-clock.ts";
import { status } from "../../node/operations/daemon.ts";
import { deliveries } from "../../node/operations/listen.ts";
import type { Operations } from "../../node/operations/operation.ts";
import { hostPlaces } from "../line/host-argument.ts";
import { ackTest, type SelfTest, testState, wasShown } from "./self-test.ts";
import { statusWords } from "./status-words.ts";

/** What is attached, whether somebody listens for it, what waits, and what became of the test. */
export async function showStatus(options: GlobalOptions): Promise<void> {
  const attached = await Promise.all(
    readAttachments(options.dataDir).map(async (each) => {
      const [state, now] = await Promise.all([stateOf(each.data_dir, each), versionNow(each)]);
      return {
        host: each.host,
        ...(each.host === TERMINAL ? { command: each.entry } : {}),
        project: each.project,
        ...(each.door === undefined ? {} : { door: each.door }),
        ...state,
        version: each.version,
        ...(now === each.version ? {} : { version_now: now }),
        voice: each.voice ?? null,
      };
    }),
  );
  const own = await stateOf(options.dataDir);
  printJson({ attached, this_node: own });
  for (const each of attached) {
    const setup = HOST_SETUPS.find(({ host }) => host === each.host);
    const shown = `${each.voice ?? "this node"} (${setup?.title ?? each.host} in ${each.project})`;
    const again = setup === undefined ? "start it again by attach" : `start ${setup.title} there`;
    // Into a host without a door nothing leads, whether it runs or not.
    const start = setup !== undefined && setup.door === undefined ? undefined : again;
    for (const words of statusWords({ ...each, shown, start })) printProse(`attach: ${words}`);
  }
  for (const words of statusWords({ ...own, shown: "this node", start: undefined })) printProse(`attach: ${words}`);
}

/** A host may have been updated since it was set up and tested. */
async function versionNow({ host, project, version }: Attachment): Promise<string> {
  const setup = HOST_SETUPS.find((each) => each.host === host);
  if (setup === undefined) return version;
  const parts = { clock: realClock, places: { ...hostPlaces(), project } };
  return await hostVersion(setup, parts).catch(textOf);
}

/** Whether the agent is in the moot that it was attached for: it may have been removed, or the moot with it, since. */
async function mootState(client: Operations, groupId: string): Promise<string> {
  const { groups } = await client.call(status, {});
  const found = groups.find(({ group_id }) => GroupId.toBase64(group_id) === groupId);
  if (found === undefined) return "not here";
  return found.local_member
    ? "member"
    : "not a member any more: it hears nothing of it; attach it to another, or detach it";
}

/** A test that came in at its host's first start is seen here, and is done with. */
async function shownState(client: Operations, test: SelfTest): Promise<string> {
  const state = await testState(client, test);
  if (wasShown(state)) await ackTest(client, test);
  return state;
}

async function stateOf(dataDir: string, { group_id, test }: Partial<Attachment> = {}) {
  await using client = await ControlClient.connect(dataDir, realClock).catch(() => undefined);
  if (client === undefined) return { daemon: false };
  const { limits, listeners, rules, turns, waiting } = await client.call(deliveries, { limit: 50 });
  return {
    daemon: true,
    ...(group_id === undefined ? {} : { group_id, moot: await mootState(client, group_id) }),
    listeners: listeners.map(({ agent, can_wake, door, host, turns: handed }) => ({
      agent,
      can_wake,
      door,
      host,
      turns: handed,
    })),
    ...(test === undefined ? {} : { test: await shownState(client, test) }),
    limits,
    rules: rules.map(({ deliver, from, group_id }) => ({ deliver, from, group_id: GroupId.toBase64(group_id) })),
    turns: turns.map(({ author_pubkey, group_id, last_ms, turns: caused }) => ({
      author_pubkey: author_pubkey.toBase64(),
      group_id: GroupId.toBase64(group_id),
      last_ms: Number(last_ms),
      turns: caused,
    })),
    waiting: waiting.map(({ group_id, held, message_id, state }) => ({
      group_id: GroupId.toBase64(group_id),
      ...(held === undefined ? {} : { held }),
      message_id: MessageId.toBase64(message_id),
      state,
    })),
  };
}
