import { join } from "node:path";
import { newNonce } from "../../agent/new-nonce.ts";
import { urlAddress } from "../../agent/opencode/own-server.ts";
import type { RunningHost } from "../../agent/running/running.ts";
import { runningHost } from "../../agent/running/running-host.ts";
import { requireOpencode } from "../../agent/running/running-opencode.ts";
import { holdAttachments, keepAttachment, readAttachments } from "../../agent/setup/attachments.ts";
import { asChanged, sinceEarlier } from "../../agent/setup/entry-file.ts";
import type { HostSetup, ServerEntry } from "../../agent/setup/host-setup.ts";
import { addEntry, entryText, hostVersion } from "../../agent/setup/set-up.ts";
import { EntmootError } from "../../core/errors.ts";
import { GroupId } from "../../core/ids.ts";
import { openDaemon } from "../../daemon/open-operations.ts";
import type { GlobalOptions } from "../../daemon/options.ts";
import { BUILD_INFO } from "../../host/build-info.ts";
import { realClock } from "../../host/real-clock.ts";
import type { Operations } from "../../node/operations/operation.ts";
import { Deadline } from "../../transport/wait.ts";
import { hostPlaces, serverEntry } from "../line/host-argument.ts";
import { type AttachReport, type Hearing, report } from "./attach-report.ts";
import { type AttachAsked, type AttachedAs, attachedAs, testedIn } from "./attached-as.ts";
import { BridgeInto } from "./bridge-into.ts";
import { type ChosenDoor, doorEnv, otherOf } from "./chosen-door.ts";
import { endTest, listenerIn, publishTest, type SelfTest, testEnd, wasShown } from "./self-test.ts";
import { takeBack } from "./take-back.ts";

const READS_PLUGINS = "it reads its plugins at its start";

export interface HostAsked extends AttachAsked {
  readonly setup: HostSetup;
  readonly door: ChosenDoor;
  readonly isDry: boolean;
  /** A server of opencode. */
  readonly url: string | undefined;
  /** How long a host that runs has to take the test. */
  readonly waitMs: number;
}

/** Sets a host up for a voice, has it take a test message where it runs, and says what it can hear from now on; gives what is to be printed. */
export async function attachHost(
  options: GlobalOptions,
  { door, isDry, setup, url, ...asked }: HostAsked,
): Promise<AttachReport> {
  const parts = { clock: realClock, places: hostPlaces() };
  const opencode = url === undefined ? undefined : serverAt(url, parts.places.env);
  const version = await hostVersion(setup, parts);
  const entryFor = (socket: string, other: string | undefined): ServerEntry => {
    const flags = asked.voice === undefined ? ["-group", GroupId.toBase64(asked.groupId!)] : [];
    const entry = serverEntry(socket, flags);
    const address = opencode === undefined ? {} : { ENTMOOT_OPENCODE_URL: opencode.url };
    return { ...entry, env: { ...entry.env, ...doorEnv(setup, other), ...address } };
  };
  const socketIn = (root: string) => join(root, "agent.sock");
  if (isDry) {
    const root = join(options.dataDir, asked.voice === undefined ? "" : `voices/${asked.voice}`);
    return {
      allow: setup.allow(parts.places) ?? null,
      door: door.door?.name ?? null,
      dry_run: true,
      entry: entryText(setup.way(entryFor(socketIn(root), door.other), parts.places), setup.program),
      host: setup.host,
      version,
      voice: asked.voice ?? null,
      why: door.why ?? null,
    };
  }
  using deadline = new Deadline(realClock, asked.waitMs);
  // Before anything is changed.
  if (opencode !== undefined) await requireOpencode(opencode, { ...parts, signal: deadline.signal });
  await using daemon = await openDaemon(options);
  const tryBy = async (chosen: ChosenDoor) => {
    const { as, entry, test } = await settled(options, daemon, { asked, chosen, entryFor, parts, setup, version });
    using waiting = new Deadline(realClock, asked.waitMs);
    const { signal } = waiting;
    const heard = await hostHears(as, test, {
      chosen,
      setup,
      find: () => runningHost(setup, { ...parts, entry, opencode, signal, version: BUILD_INFO.version }),
      groupId: asked.voice === undefined ? asked.groupId : undefined,
      signal,
    });
    return { as, chosen, heard, test };
  };
  const first = await tryBy(door);
  const done = showsNothing(first)
    ? await tryBy(otherOf(setup, "it took the test message and shows nothing of it"))
    : first;
  const { as, heard, test } = done;
  if (wasShown(heard.end?.state ?? "")) await endTest({ data_dir: as.dataDir, test });
  return report({ ...done, asked, places: parts.places, setup, version, hasUrl: opencode !== undefined });
}

/** Whether the session's own tools gave it the test by a door that may be open, and nothing of it was seen. */
function showsNothing({ chosen, heard }: { readonly chosen: ChosenDoor; readonly heard: Hearing }): boolean {
  return chosen.isOpen && heard.running?.kind === "bridged" && heard.end?.state === "uncertain";
}

function serverAt(url: string, env: Readonly<Record<string, string | undefined>>) {
  const address = urlAddress(url, env);
  if (address !== undefined) return address;
  throw new EntmootError(
    "invalid_argument",
    `attach: -url: expected an address of this machine, such as http://127.0.0.1:4096, found ${JSON.stringify(url.slice(0, 80))}`,
  );
}

interface SettingUp {
  readonly asked: AttachAsked;
  readonly chosen: ChosenDoor;
  readonly entryFor: (socket: string, other: string | undefined) => ServerEntry;
  readonly parts: { readonly clock: typeof realClock; readonly places: ReturnType<typeof hostPlaces> };
  readonly setup: HostSetup;
  readonly version: string;
}

/** What is kept of it, and what takes it back: one at a time. */
async function settled(
  options: GlobalOptions,
  daemon: Operations,
  { asked, chosen, entryFor, parts, setup, version }: SettingUp,
): Promise<{ as: AttachedAs; entry: ServerEntry; test: SelfTest | undefined }> {
  using _lock = await holdAttachments(options.dataDir, realClock);
  const { project } = parts.places;
  const as = await attachedAs(options, daemon, asked);
  const entry = entryFor(as.agentSocket, chosen.other);
  const earlier = readAttachments(options.dataDir).find((each) => each.host === setup.host && each.project === project);
  let earlierFiles = earlier?.files.map(asChanged) ?? [];
  if (earlier?.door !== undefined && (earlier.door !== chosen.other || earlier.data_dir !== as.dataDir)) {
    // What it needed beside the entry is nobody's from now on.
    await takeBack(setup, earlier, parts);
    earlierFiles = [];
  }
  const files = await addEntry(setup, entry, parts);
  const { groupId } = as;
  const isTestable = chosen.door !== undefined && !(await isHeardElsewhere(as, chosen, setup));
  const kept = {
    host: setup.host,
    project,
    entry: entry.name,
    version,
    ...(asked.voice === undefined ? {} : { voice: asked.voice }),
    ...(groupId === undefined ? {} : { group_id: GroupId.toBase64(groupId) }),
    data_dir: as.dataDir,
    at_ms: realClock.unix(),
    // A second time changes what the first one did, and what was before that is what detach goes back to.
    files: files.map((file) => sinceEarlier(file, earlierFiles)),
    ...(chosen.other === undefined ? {} : { door: chosen.other }),
  };
  // What fails from here on can be taken back.
  keepAttachment(options.dataDir, kept);
  if (earlier !== undefined) await endTest(earlier);
  const testGroup = isTestable ? await testedIn(daemon, asked, as) : undefined;
  const test = testGroup === undefined ? undefined : await publishTest(daemon, { ...as, groupId: testGroup });
  if (test !== undefined) keepAttachment(options.dataDir, { ...kept, test });
  return { as, entry, test };
}

/** Whether a session still listens by a door that it is not set up with any more: it would be handed the test. */
async function isHeardElsewhere({ dataDir }: AttachedAs, { door, other }: ChosenDoor, { host }: HostSetup) {
  const listens = await listenerIn(dataDir, host);
  return other !== undefined && listens !== undefined && listens.door !== door?.name;
}

interface HearingParts {
  readonly chosen: ChosenDoor;
  readonly setup: HostSetup;
  readonly find: () => Promise<RunningHost | undefined>;
  readonly groupId: GroupId | undefined;
  readonly signal: AbortSignal;
}

async function hostHears(
  as: AttachedAs,
  test: SelfTest | undefined,
  { chosen, find, groupId, setup, signal }: HearingParts,
): Promise<Hearing> {
  const end = async () => (test === undefined ? undefined : await testEnd(as.dataDir, test, signal));
  const listens = await listenerIn(as.dataDir, setup.host);
  const none = { door: undefined, deafBecause: undefined, end: undefined };
  if (listens !== undefined && (await isHeardElsewhere(as, chosen, setup))) {
    return { ...none, running: { kind: "deaf", shown: listens.agent }, deafBecause: READS_PLUGINS };
  }
  if (listens !== undefined) {
    return {
      running: { kind: "bridged", shown: listens.agent },
      door: listens.door,
      deafBecause: undefined,
      end: await end(),
    };
  }
  const running = await find();
  if (running === undefined) return { ...none, running };
  if (running.kind === "deaf") return { ...none, running, deafBecause: running.why };
  if (chosen.other !== undefined) {
    return { ...none, running: { kind: "deaf", shown: running.shown }, deafBecause: READS_PLUGINS };
  }
  if (test === undefined) return { ...none, running, door: setup.door?.name };
  if (running.kind === "bridged") return { ...none, running, door: setup.door?.name, end: await end() };
  await using _bridge = new BridgeInto(as, {
    ...running,
    groupId,
    hasSocket: false,
    host: setup.host,
    nonce: newNonce,
  });
  return { ...none, running, door: running.door.name, end: await end() };
}
