import { join } from "node:path";
import { newNonce } from "../../agent/new-nonce.ts";
import { urlAddress } from "../../agent/opencode/own-server.ts";
import { type RunningHost, runningHost } from "../../agent/running/running-host.ts";
import { requireOpencode } from "../../agent/running/running-opencode.ts";
import { holdAttachments, keepAttachment, readAttachments } from "../../agent/setup/attachments.ts";
import { asChanged, sinceEarlier } from "../../agent/setup/entry-file.ts";
import type { HostPlaces, HostSetup, ServerEntry } from "../../agent/setup/host-setups.ts";
import { addEntry, entryText, hostVersion } from "../../agent/setup/set-up.ts";
import { EntmootError } from "../../core/errors.ts";
import { GroupId } from "../../core/ids.ts";
import { openDaemon } from "../../daemon/open-operations.ts";
import type { GlobalOptions } from "../../daemon/options.ts";
import { BUILD_INFO } from "../../host/build-info.ts";
import { printJson, printProse } from "../../host/print.ts";
import { realClock } from "../../host/real-clock.ts";
import type { Operations } from "../../node/operations/operation.ts";
import { Deadline } from "../../transport/wait.ts";
import { hostPlaces, serverEntry } from "../line/host-argument.ts";
import { type AttachAsked, type AttachedAs, attachedAs } from "./attached-as.ts";
import { BridgeInto } from "./bridge-into.ts";
import { listenerIn, publishTest, type SelfTest, type TestEnd, testEnd } from "./self-test.ts";

export interface HostAsked extends AttachAsked {
  readonly setup: HostSetup;
  readonly isDry: boolean;
  /** A server of opencode. */
  readonly url: string | undefined;
  /** How long a host that runs has to take the test. */
  readonly waitMs: number;
}

/** What was not done, or is not there, and why. */
interface Skipped {
  readonly what: "door" | "plugin" | "project" | "test";
  readonly why: string;
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

interface Settling {
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
  { asked, entryFor, parts, setup, version }: Settling,
): Promise<{ as: AttachedAs; entry: ServerEntry; test: SelfTest | undefined }> {
  using _lock = await holdAttachments(options.dataDir, realClock);
  const { project } = parts.places;
  const as = await attachedAs(options, daemon, asked);
  const entry = entryFor(as.agentSocket);
  const earlier = readAttachments(options.dataDir).find((each) => each.host === setup.host && each.project === project);
  const files = await addEntry(setup, entry, parts);
  const { groupId } = as;
  const isTested = asked.isTested && asked.voice !== undefined && groupId !== undefined && setup.door !== undefined;
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
  const test = isTested ? await publishTest(daemon, { ...as, groupId }) : undefined;
  if (test !== undefined) keepAttachment(options.dataDir, { ...kept, test });
  return { as, entry, test };
}

/** Whether a host runs, by what it hears its moot, and what became of the test. */
interface Hearing {
  readonly running: Pick<RunningHost, "kind" | "shown"> | undefined;
  readonly door: string | undefined;
  readonly deafBecause: string | undefined;
  readonly end: TestEnd | undefined;
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

interface Reported {
  readonly as: AttachedAs;
  readonly asked: AttachAsked;
  readonly heard: Hearing;
  readonly places: HostPlaces;
  readonly setup: HostSetup;
  readonly test: SelfTest | undefined;
  readonly version: string;
  readonly hasUrl: boolean;
}

function report({ as, asked, hasUrl, heard, places, setup, test, version }: Reported): void {
  const { door, end, running } = heard;
  const allow = setup.allow(places);
  const again =
    running?.kind === "bridged"
      ? undefined
      : `start ${setup.title}${running === undefined ? "" : " again"} in ${places.project}`;
  const status = "entmootd attach -status";
  const next = again === undefined ? status : `${again}; then: ${status}`;
  if (end !== undefined) printProse(`attach: ${endWords(setup, door, end)}`);
  else if (running === undefined && setup.door !== undefined)
    printProse(`attach: ${setup.title} does not run here; its first start hears the test message`);
  if (heard.deafBecause !== undefined)
    printProse(`attach: ${setup.title} runs here (${running!.shown}) and hears nothing yet: ${heard.deafBecause}`);
  if (again !== undefined) printProse(`attach: ${again}, for it to have the tools by which it answers`);
  if (allow !== undefined) {
    printProse(`attach: it asks its user before it answers; to allow that, in ${allow.where}: ${allow.text.trim()}`);
  }
  printJson({
    agent_socket: as.agentSocket,
    allow: allow ?? null,
    door: door ?? setup.door?.name ?? null,
    event: "attached",
    group_id: as.groupId === undefined ? null : GroupId.toBase64(as.groupId),
    host: setup.host,
    next,
    proves: setup.door?.proves ?? null,
    running: running?.shown ?? null,
    skipped: skipped({ asked, as, hasUrl, heard, places, setup }),
    test: test === undefined ? null : { ...test, state: end?.state ?? "queued" },
    version,
    voice: asked.voice ?? null,
  });
  if (end === undefined || end.isHeard) return;
  // Set up it is, but it is not shown that it hears.
  process.exitCode = end.isOver ? 1 : 8;
}

function endWords({ title }: HostSetup, door: string | undefined, { held, isHeard, isOver, state }: TestEnd): string {
  const by = door === undefined ? "" : ` by ${door}`;
  if (state === "uncertain") return `the test message was given to ${title}${by}, which shows nothing of it`;
  if (isHeard) return `the test message reached ${title}${by}: ${state}`;
  if (isOver) return `${title} does not take the test message${by}: ${state}`;
  const why = held === undefined ? "" : ` (${held})`;
  return `${title} runs and has not taken the test message in time: ${state}${why}; it is handed over once it can be`;
}

function skipped({
  as,
  asked,
  hasUrl,
  heard,
  places,
  setup,
}: Pick<Reported, "as" | "asked" | "hasUrl" | "heard" | "places" | "setup">): Skipped[] {
  const found: Skipped[] = [];
  if (setup.door === undefined) {
    found.push({
      what: "door",
      why: `nothing leads into a session of ${setup.title}: its agent asks by entmoot_inbox or entmoot_wait`,
    });
  } else if (heard.deafBecause !== undefined) found.push({ what: "door", why: heard.deafBecause });
  if (hasUrl) found.push({ what: "plugin", why: "-url names a server that listens" });
  const forAll = setup.whyForAll?.(places);
  if (forAll !== undefined) found.push({ what: "project", why: forAll });
  const why = untested(as, asked, heard, setup);
  if (why !== undefined) found.push({ what: "test", why });
  return found;
}

function untested(as: AttachedAs, asked: AttachAsked, heard: Hearing, setup: HostSetup): string | undefined {
  if (setup.door === undefined) return "without a door there is nothing to be tested";
  if (!asked.isTested) return "-test=false";
  if (asked.voice === undefined) return "the agent speaks as this node itself, and what a node says wakes nobody there";
  if (as.groupId === undefined) return "this node may not speak in the moot that -link leads to";
  if (heard.running === undefined)
    return `${setup.title} does not run in this folder: the test follows at its first start`;
  if (heard.deafBecause !== undefined) return "the test follows at its next start";
  return undefined;
}
