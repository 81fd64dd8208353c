import { join } from "node:path";
import { newNonce } from "../../agent/new-nonce.ts";
import { urlAddress } from "../../agent/opencode/own-server.ts";
import type { RunningHost } from "../../agent/running/running.ts";
import { runningHost } from "../../agent/running/running-host.ts";
import { requireOpencode } from "../../agent/running/running-opencode.ts";
import { holdAttachments, keepAttachment, readAttachments } from "../../agent/setup/attachments.ts";
import { asChanged, sinceEarlier } from "../../agent/setup/entry-file.ts";
import type { HostSetup, ServerEntry } from "../../agent/setup/host-setups.ts";
import { addEntry, entryText, hostVersion } from "../../agent/setup/set-up.ts";
import { EntmootError } from "../../core/errors.ts";
import { GroupId } from "../../core/ids.ts";
import { openDaemon } from "../../daemon/open-operations.ts";
import type { GlobalOptions } from "../../daemon/options.ts";
import { BUILD_INFO } from "../../host/build-info.ts";
import { printJson } from "../../host/print.ts";
import { realClock } from "../../host/real-clock.ts";
import type { Operations } from "../../node/operations/operation.ts";
import { Deadline } from "../../transport/wait.ts";
import { hostPlaces, serverEntry } from "../line/host-argument.ts";
import { type Hearing, report } from "./attach-report.ts";
import { type AttachAsked, type AttachedAs, attachedAs, isToBeTested } from "./attached-as.ts";
import { BridgeInto } from "./bridge-into.ts";
import { endTest, listenerIn, publishTest, type SelfTest, testEnd } from "./self-test.ts";

export interface HostAsked extends AttachAsked {
  readonly setup: HostSetup;
  readonly isDry: boolean;
  /** A server of opencode. */
  readonly url: string | undefined;
  /** How long a host that runs has to take the test. */
  readonly waitMs: number;
}

/** Sets a host up for a voice, has it take a test message where it runs, and says what it can hear from now on. */
export async function attachHost(options: GlobalOptions, { isDry, setup, url, ...asked }: HostAsked): Promise<void> {
  const parts = { clock: realClock, places: hostPlaces() };
  const opencode = url === undefined ? undefined : serverAt(url, parts.places.env);
  const version = await hostVersion(setup, parts);
  const entryFor = (socket: string): ServerEntry => {
    const flags = asked.voice === undefined ? ["-group", GroupId.toBase64(asked.groupId!)] : [];
    const entry = serverEntry(socket, flags);
    return opencode === undefined ? entry : { ...entry, env: { ...entry.env, ENTMOOT_OPENCODE_URL: opencode.url } };
  };
  const socketIn = (root: string) => join(root, "agent.sock");
  if (isDry) {
    const root = join(options.dataDir, asked.voice === undefined ? "" : `voices/${asked.voice}`);
    printJson({
      allow: setup.allow(parts.places) ?? null,
      door: setup.door?.name ?? null,
      dry_run: true,
      entry: entryText(setup.way(entryFor(socketIn(root)), parts.places), setup.program),
      host: setup.host,
      version,
      voice: asked.voice ?? null,
    });
    return;
  }
  using deadline = new Deadline(realClock, asked.waitMs);
  // Before anything is changed.
  if (opencode !== undefined) await requireOpencode(opencode, { ...parts, signal: deadline.signal });
  await using daemon = await openDaemon(options);
  const { as, entry, test } = await settled(options, daemon, { asked, entryFor, parts, setup, version });
  using waiting = new Deadline(realClock, asked.waitMs);
  const { signal } = waiting;
  const heard = await hostHears(as, test, {
    setup,
    find: () => runningHost(setup, { ...parts, entry, opencode, signal, version: BUILD_INFO.version }),
    groupId: asked.voice === undefined ? asked.groupId : undefined,
    signal,
  });
  report({ as, asked, heard, places: parts.places, setup, test, version, hasUrl: opencode !== undefined });
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
  readonly entryFor: (socket: string) => ServerEntry;
  readonly parts: { readonly clock: typeof realClock; readonly places: ReturnType<typeof hostPlaces> };
  readonly setup: HostSetup;
  readonly version: string;
}

/** What is kept of it, and what takes it back: one at a time. */
async function settled(
  options: GlobalOptions,
  daemon: Operations,
  { asked, entryFor, parts, setup, version }: SettingUp,
): Promise<{ as: AttachedAs; entry: ServerEntry; test: SelfTest | undefined }> {
  using _lock = await holdAttachments(options.dataDir, realClock);
  const { project } = parts.places;
  const as = await attachedAs(options, daemon, asked);
  const entry = entryFor(as.agentSocket);
  const earlier = readAttachments(options.dataDir).find((each) => each.host === setup.host && each.project === project);
  const files = await addEntry(setup, entry, parts);
  const { groupId } = as;
  const isTested = isToBeTested(asked, as) && setup.door !== undefined;
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
    files: files.map((file) => sinceEarlier(file, earlier?.files.map(asChanged) ?? [])),
  };
  // What fails from here on can be taken back.
  keepAttachment(options.dataDir, kept);
  if (earlier !== undefined) await endTest(earlier);
  const test = isTested && groupId !== undefined ? await publishTest(daemon, { ...as, groupId }) : undefined;
  if (test !== undefined) keepAttachment(options.dataDir, { ...kept, test });
  return { as, entry, test };
}

interface HearingParts {
  readonly setup: HostSetup;
  readonly find: () => Promise<RunningHost | undefined>;
  readonly groupId: GroupId | undefined;
  readonly signal: AbortSignal;
}

async function hostHears(
  as: AttachedAs,
  test: SelfTest | undefined,
  { find, groupId, setup, signal }: HearingParts,
): Promise<Hearing> {
  const end = async () => (test === undefined ? undefined : await testEnd(as.dataDir, test, signal));
  const listens = await listenerIn(as.dataDir, setup.host);
  if (listens !== undefined) {
    return {
      running: { kind: "bridged", shown: listens.agent },
      door: listens.door,
      deafBecause: undefined,
      end: await end(),
    };
  }
  const running = await find();
  const none = { running, door: undefined, deafBecause: undefined, end: undefined };
  if (running === undefined) return none;
  if (running.kind === "deaf") return { ...none, deafBecause: running.why };
  if (test === undefined) return { ...none, door: setup.door?.name };
  if (running.kind === "bridged") return { ...none, door: setup.door?.name, end: await end() };
  await using _bridge = new BridgeInto(as, {
    ...running,
    groupId,
    hasSocket: false,
    host: setup.host,
    nonce: newNonce,
  });
  return { ...none, door: running.door.name, end: await end() };
}
