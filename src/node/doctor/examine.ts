import { type Clock, later } from "../../core/clock.ts";
import { EntmootError } from "../../core/errors.ts";
import { GroupId } from "../../core/ids.ts";
import { type MootStatus, type NodeStatus, status as statusOperation } from "../operations/daemon.ts";
import {
  type doctor,
  EXAMINED_ROOM,
  type Examined,
  type ExaminedMoot,
  type ExaminedPeer,
  PROBE_PEERS_MAX,
  PROBE_TOTAL_MAX_MS,
  type ProbeRow,
  probe,
} from "../operations/diagnosis.ts";
import { fittingRows, type Room } from "../operations/fitting-rows.ts";
import { type LinkRow, link_list } from "../operations/invites.ts";
import { type PeerRow, peers } from "../operations/moots.ts";
import type { Operation, Operations, RequestOf } from "../operations/operation.ts";
import { voices } from "../operations/voices.ts";
import type { Diagnosis, Unreachable } from "./diagnoses.ts";
import { membershipFault, membershipWord, mootChecks, unopenedChecks } from "./moot-checks.ts";
import { carrierFault, nodeChecks } from "./node-checks.ts";
import { peerChecks } from "./peer-checks.ts";

export interface ExamineHow {
  readonly clock: Clock;
  readonly signal?: AbortSignal | undefined;
  /** For how many members there is room; as the answer of `doctor` has it when absent. */
  readonly room?: Room<ExaminedPeer>;
  /** Why nobody is reached from here, where the node itself cannot know: there is no daemon. */
  readonly offline?: Unreachable;
}

/**
 * What is wrong with a node, its moots and the ways to their members, told by its operations alone: also by those of a
 * daemon that knows no `doctor`. Throws `group_not_found` for a moot that is not here.
 */
export async function examine(
  node: Operations,
  { group_id, probe: isProbed = false, timeout_ms = 0 }: RequestOf<typeof doctor>,
  { clock, offline, room = EXAMINED_ROOM, signal }: ExamineHow,
): Promise<Examined> {
  const status = await node.call(statusOperation, {}, { signal });
  const isMeant = (each: { readonly group_id: GroupId }) => group_id === undefined || each.group_id === group_id;
  const meant = status.groups.filter(isMeant);
  const unopened = status.unopened.filter(isMeant);
  if (group_id !== undefined && meant.length + unopened.length === 0) {
    throw new EntmootError("group_not_found", "group not joined");
  }
  const over = later(clock.steady(), PROBE_TOTAL_MAX_MS);
  const looked: LookedMoot[] = [];
  for (const moot of meant) {
    const { peers: before } = await node.call(peers, { group_id: moot.group_id }, { signal });
    const others = before.filter(({ self }) => !self).map(({ node_id }) => node_id);
    const probes =
      isProbed && status.running ? await probeAll(node, { moot, others, timeout_ms, clock, over, signal }) : [];
    // A probe that reached a peer has made a connection: the second look knows its route.
    const rows = probes.length === 0 ? before : (await node.call(peers, { group_id: moot.group_id }, { signal })).peers;
    const links = moot.founder ? (await ifKnown(node, link_list, { group_id: moot.group_id }))?.links : undefined;
    looked.push({ moot, rows, probes, links });
  }
  const heard = await ifKnown(node, voices, {});
  return report(status, { looked, unopened, voices: heard?.voices, now: clock, offline, room });
}

interface LookedMoot {
  readonly moot: MootStatus;
  readonly rows: readonly PeerRow[];
  readonly probes: readonly ProbeRow[];
  readonly links: readonly LinkRow[] | undefined;
}

interface ExaminedParts {
  readonly looked: readonly LookedMoot[];
  readonly unopened: NodeStatus["unopened"];
  readonly voices: Parameters<typeof nodeChecks>[0]["voices"];
  readonly now: Pick<Clock, "unix">;
  readonly offline: Unreachable | undefined;
  readonly room: Room<ExaminedPeer>;
}

function report(
  status: NodeStatus,
  { looked, now: clock, offline, room, unopened, voices: heard }: ExaminedParts,
): Examined {
  const now = clock.unix();
  const nodeId = status.pilot_node_id;
  const fault = carrierFault(status);
  const carrier = offline ?? (fault === undefined ? undefined : { diagnosis: fault });
  let left = room.answerMax;
  let more = false;
  const groups: ExaminedMoot[] = looked.map(({ links, moot, probes, rows }) => {
    const membership = membershipFault({ moot, nodeId, rows });
    const told = fittingRows(examinedPeers({ moot, rows, probes, membership, carrier }), {
      ...room,
      answerMax: left,
    });
    left -= told.rows.reduce((bytes, row) => bytes + room.bytesOf(row), 0);
    more ||= told.more;
    const { group_id, local_member, members, messages, name } = moot;
    const local_member_status = membershipWord(membership);
    const checks = mootChecks({ moot, rows, nodeId, links, now });
    return { group_id, name, local_member, local_member_status, members, messages, checks, peers: told.rows };
  });
  const closed = unopened.map(
    (moot): ExaminedMoot => ({
      group_id: moot.group_id,
      name: moot.name ?? "",
      local_member: false,
      local_member_status: "unknown",
      members: 0,
      messages: 0,
      checks: unopenedChecks(moot),
      peers: [],
    }),
  );
  const probes = looked.flatMap((each) => each.probes);
  const asked = looked.find((each) => each.probes.length > 0)?.moot.group_id;
  const group = asked === undefined ? undefined : GroupId.toBase64(asked);
  return { checks: nodeChecks({ status, voices: heard, probes, group }), groups: [...groups, ...closed], more };
}

interface PeersFound extends Pick<LookedMoot, "moot" | "rows" | "probes"> {
  readonly membership: Diagnosis | undefined;
  readonly carrier: Unreachable | undefined;
}

function* examinedPeers({ moot, probes, rows, ...facts }: PeersFound): Generator<ExaminedPeer> {
  const byId = new Map(probes.map((row) => [row.node_id, row]));
  const group = GroupId.toBase64(moot.group_id);
  for (const row of rows) {
    const asked = byId.get(row.node_id);
    yield { peer: row, probe: asked, checks: peerChecks({ row, probe: asked, group, ...facts }) };
  }
}

interface ProbeAll {
  readonly moot: MootStatus;
  readonly others: readonly number[];
  readonly timeout_ms: number;
  readonly clock: Clock;
  /** When the time for all moots together is over. */
  readonly over: ReturnType<Clock["steady"]>;
  readonly signal: AbortSignal | undefined;
}

/** One row for each that was asked in the time for all. */
async function probeAll(
  node: Operations,
  { clock, moot, others, over, signal, timeout_ms }: ProbeAll,
): Promise<ProbeRow[]> {
  const rows: ProbeRow[] = [];
  for (let at = 0; at < others.length && clock.steady() < over; at += PROBE_PEERS_MAX) {
    const request = { group_id: moot.group_id, peers: others.slice(at, at + PROBE_PEERS_MAX), timeout_ms };
    rows.push(...(await node.call(probe, request, { signal })).peers);
  }
  return rows;
}

/** `undefined` where the node does not know the operation, or keeps nothing of the kind. */
async function ifKnown<Request, Answer>(
  node: Operations,
  operation: Operation<Request, Answer>,
  request: Parameters<typeof node.call<Request, Answer, never>>[1],
): Promise<Answer | undefined> {
  try {
    return await node.call(operation, request);
  } catch (error) {
    if (error instanceof EntmootError) return undefined;
    throw error;
  }
}
