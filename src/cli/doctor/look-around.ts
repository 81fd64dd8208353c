import { join } from "node:path";
import { ControlClient } from "../../control/control-client.ts";
import { EntmootError, textOf } from "../../core/errors.ts";
import type { GroupId } from "../../core/ids.ts";
import { connectToLook, silenceOf } from "../../daemon/open-operations.ts";
import type { GlobalOptions } from "../../daemon/options.ts";
import { printProse } from "../../host/print.ts";
import { realClock } from "../../host/real-clock.ts";
import { checkOf, notChecked, type Unreachable } from "../../node/doctor/diagnoses.ts";
import { type NodeStatus, status as statusOperation } from "../../node/operations/daemon.ts";
import type { DoctorCheck, Examined } from "../../node/operations/diagnosis.ts";
import type { Operations } from "../../node/operations/operation.ts";
import type { DoctorFound, VoiceFound } from "../../view/doctor-json.ts";
import { askDoctor } from "./ask-doctor.ts";
import { type ForeignRoot, foreignRoot } from "./foreign-root.ts";
import { carrierCheck, daemonCheck, otherIdentity, rootChecks } from "./local-checks.ts";
import { runtimeOf } from "./runtime.ts";
import { whyOffline } from "./why-offline.ts";

export interface LookFor {
  readonly groupId: GroupId | undefined;
  readonly isProbed: boolean;
  readonly timeoutMs: number;
}

/** The layers of a node, in the order that they stand on each other. */
const NODE_LAYERS = ["identity", "data", "daemon", "carrier", "clock", "voice"];

/** What a daemon or, without one, the files tell. */
interface NodeFound {
  readonly daemon: boolean;
  readonly isOriginal: boolean;
  readonly isOld: boolean;
  readonly status: NodeStatus | undefined;
  readonly examined: Examined | undefined;
  readonly error: EntmootError | undefined;
  /** Why no daemon is asked, where none is. */
  readonly offline: Unreachable | undefined;
}

const NOTHING_FOUND: NodeFound = {
  daemon: false,
  isOriginal: false,
  isOld: false,
  status: undefined,
  examined: undefined,
  error: undefined,
  offline: undefined,
};

/** Looks at all that can be looked at from here, and changes nothing. Throws `group_not_found` for a moot that is not here. */
export async function lookAround(options: GlobalOptions, asked: LookFor): Promise<DoctorFound> {
  const foreign = foreignRoot(options);
  if (foreign !== undefined) return lookedInVain(options, asked, foreign);
  const root = rootChecks(options);
  const [runtime, found] = await Promise.all([runtimeOf(options), lookAtNode(options, asked)]);
  const { daemon, error, examined, isOriginal, status } = found;
  const own = daemon && status !== undefined ? otherIdentity(root.identity, status) : undefined;
  const told: DoctorCheck[] = [
    ...root.checks,
    ...(own === undefined ? [] : [own]),
    isOriginal
      ? checkOf("daemon", "daemon_original")
      : daemonCheck(runtime, { isOld: found.isOld, status: daemon ? status : undefined }),
    ...(daemon ? [] : [await carrierWithout(options, found.offline)]),
    // What a node without a carrier says of it is that it has none.
    ...(examined?.checks ?? []).filter(({ layer }) => daemon || layer !== "carrier"),
    ...(error === undefined ? [] : [whyUnopened(error)]),
  ];
  return {
    nowMs: realClock.unix(),
    runtime,
    pilotReachable: runtime.pilot_socket_reachable,
    daemon,
    status,
    error: error?.message ?? silenceOf(options),
    dataDir: options.dataDir,
    isProbed: asked.isProbed,
    checks: firstThingFirst(eachLayer(told)),
    groups: examined?.groups ?? [],
    voices: daemon && asked.groupId === undefined ? await lookAtVoices(options) : [],
    more: examined?.more ?? false,
  };
}

/** Of what this user may not see nothing is said but whose it is. */
async function lookedInVain(options: GlobalOptions, asked: LookFor, { owner, why }: ForeignRoot): Promise<DoctorFound> {
  const checks = NODE_LAYERS.slice(0, -1).map((layer) =>
    layer === "data"
      ? checkOf(layer, "data_foreign", { path: options.dataDir, user: String(owner), why })
      : notChecked(layer),
  );
  return {
    ...{ nowMs: realClock.unix(), runtime: undefined, pilotReachable: false, daemon: false, status: undefined },
    ...{ error: why, dataDir: options.dataDir, isProbed: asked.isProbed, checks, groups: [], voices: [], more: false },
  };
}

/** What keeps everything from being stored; a daemon started now would not help. */
const BLOCKING: readonly string[] = ["disk_full", "data_read_only"];

/** No start of a daemon is proposed while what is to be done first is another thing. */
function firstThingFirst(checks: readonly DoctorCheck[]): DoctorCheck[] {
  const blocked = checks.find(({ diagnosis }) => BLOCKING.includes(diagnosis));
  return checks.map((each) =>
    blocked !== undefined && each.diagnosis === "daemon_down" ? { ...each, next: blocked.next } : each,
  );
}

/** One that is there and does not answer has its carrier, and its port. */
async function carrierWithout(options: GlobalOptions, offline: Unreachable | undefined): Promise<DoctorCheck> {
  const isThere = offline !== undefined && ["daemon_stopped", "daemon_silent"].includes(offline.diagnosis);
  return isThere ? notChecked("carrier", { why: "the daemon that has it does not answer" }) : carrierCheck(options);
}

function whyUnopened({ code, message }: EntmootError): DoctorCheck {
  if (code === "identity_invalid") return notChecked("open");
  return checkOf("data", code === "disk_full" ? "disk_full" : "data_damaged", { why: message });
}

/** In the order of the layers, what is said twice once; that all is well only where nothing else is said. */
function eachLayer(told: readonly DoctorCheck[]): DoctorCheck[] {
  return NODE_LAYERS.flatMap((layer) => {
    const of = told.filter((each) => each.layer === layer);
    const notWell = of.filter(({ diagnosis }) => diagnosis !== "ok");
    const once = [...new Map(notWell.map((each) => [`${each.diagnosis} ${each.why}`, each])).values()];
    // A disk is full for the daemon and for who looks from here.
    const one = once.filter(
      (each, at) =>
        each.diagnosis !== "disk_full" || once.findIndex(({ diagnosis }) => diagnosis === "disk_full") === at,
    );
    return one.length > 0 ? one : of.slice(0, 1);
  });
}

async function lookAtNode(options: GlobalOptions, asked: LookFor): Promise<NodeFound> {
  try {
    const client = await connectToLook(options);
    if (client === undefined) return await lookAtFiles(options, asked);
    await using daemon = client;
    if (await daemon.isOriginal()) return { ...(await lookAtFiles(options, asked)), isOriginal: true };
    return { ...NOTHING_FOUND, daemon: true, ...(await ask(daemon, asked)) };
  } catch (error) {
    if (!(error instanceof EntmootError) || error.code === "group_not_found") throw error;
    return { ...NOTHING_FOUND, error };
  }
}

async function lookAtFiles(options: GlobalOptions, asked: LookFor): Promise<NodeFound> {
  const { holdsNothing } = await import("../../daemon/read-root.ts");
  const offline = await whyOffline(options);
  if (holdsNothing(options) && asked.groupId === undefined) return { ...NOTHING_FOUND, offline };
  const { openOfflineNode } = await import("../../daemon/open-node.ts");
  await using node = await openOfflineNode(options, { create: false, change: false });
  return { ...NOTHING_FOUND, offline, ...(await ask(node, asked, offline)) };
}

async function ask(node: Operations, { groupId, isProbed, timeoutMs }: LookFor, offline?: Unreachable) {
  const status = await node.call(statusOperation, {});
  const others = status.groups.reduce((sum, { group_id, members }) => {
    return groupId === undefined || group_id === groupId ? sum + Math.max(0, members - 1) : sum;
  }, 0);
  if (isProbed && others > 0 && node instanceof ControlClient) {
    printProse(`doctor: asking ${others} ${others === 1 ? "member" : "members"}`);
  }
  const request = { group_id: groupId, probe: isProbed, timeout_ms: timeoutMs };
  return { status, ...(await askDoctor(node, request, offline)) };
}

/** What the daemon of each voice says of itself; one that cannot be asked is told of by the daemon above it. */
async function lookAtVoices({ dataDir }: GlobalOptions): Promise<VoiceFound[]> {
  const { voiceFolder, voicesOf } = await import("../../daemon/voices.ts");
  return Promise.all(voicesOf(dataDir).map((name) => lookAtVoice(name, voiceFolder(dataDir, name))));
}

async function lookAtVoice(name: string, folder: string): Promise<VoiceFound> {
  try {
    await using client = await ControlClient.connectTo(join(folder, "control.sock"), realClock);
    if (client === undefined) return { name, checks: [checkOf("daemon", "voice_down")], groups: [] };
    const { examined } = await askDoctor(client, {});
    return { name, checks: examined.checks, groups: examined.groups };
  } catch (error) {
    if (!(error instanceof EntmootError)) throw error;
    return { name, checks: [checkOf("daemon", "daemon_silent", { why: textOf(error) })], groups: [] };
  }
}
