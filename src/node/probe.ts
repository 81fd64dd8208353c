import { EntmootError, textOf } from "../core/errors.ts";
import type { PublicKey } from "../core/ids.ts";
import { keyOf } from "../core/record/node-key.ts";
import { Deadline } from "../transport/wait.ts";
import { failureOf, PeerRefusal, type Peers } from "./carrier/peers.ts";
import type { Group } from "./group/group.ts";
import type { NodeContext } from "./node-context.ts";
import {
  NOTHING_SAID,
  PROBES_AT_ONCE,
  type ProbeRow,
  probeBudgetMs,
  type probe as probeOperation,
  probeTimeoutMs,
} from "./operations/diagnosis.ts";
import type { RequestOf } from "./operations/operation.ts";
import { TWIN_WARNING } from "./twin-watch.ts";

/** Wire. What the original sends, and what its answer must bring back. */
const NONCE_BYTES = 16;

/** Asks each peer for a sign of life; one row a peer, in the order asked. Throws `group_not_found`. */
export async function probe(
  context: NodeContext,
  { group_id, peers, timeout_ms }: RequestOf<typeof probeOperation>,
  signal?: AbortSignal,
): Promise<ProbeRow[]> {
  const group = context.requireGroup(group_id);
  const timeoutMs = probeTimeoutMs(timeout_ms ?? 0);
  await group.ordered();
  const rows = peers.map((nodeId) => failed(nodeId, "not_asked", "not asked: the time for all of them was over"));
  using budget = new Deadline(context.clock, probeBudgetMs(peers.length, timeoutMs), signal);
  let next = 0;
  const worker = async () => {
    for (let i = next++; i < peers.length && !budget.signal.aborted; i = next++) {
      rows[i] = await probeOne(context, { group, nodeId: peers[i]!, timeoutMs, signal: budget.signal });
    }
  };
  await Promise.all(Array.from({ length: PROBES_AT_ONCE }, worker));
  return rows;
}

interface ProbedPeer {
  readonly group: Group;
  readonly nodeId: number;
  readonly timeoutMs: number;
  /** Ends with the time for all. */
  readonly signal: AbortSignal;
}

async function probeOne(context: NodeContext, asked: ProbedPeer): Promise<ProbeRow> {
  const { group, nodeId, timeoutMs } = asked;
  const member = group.roster.log.member(nodeId);
  const key = member && keyOf(member);
  if (key === undefined) return failed(nodeId, "no_member", "peer not found in the roster");
  const peers = context.carrier?.peers;
  if (peers === undefined) return failed(nodeId, "no_carrier", "this process opened no carrier");
  // One time for all that this peer is asked.
  using deadline = new Deadline(context.clock, timeoutMs, asked.signal);
  const probed = { context, peers, key, group, nodeId, timeoutMs, signal: deadline.signal };
  try {
    const alive = await ping(probed);
    return { ...alive, ...(await compare(probed)) };
  } catch (error) {
    if (!(error instanceof EntmootError)) throw error;
    return failed(nodeId, wordOf(error), textOf(error));
  }
}

interface Probed {
  readonly context: NodeContext;
  readonly peers: Peers;
  readonly key: PublicKey;
  readonly group: Group;
  readonly nodeId: number;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

/** The question that the original knows too. Throws why nothing came of it. */
async function ping({ context, group, key, nodeId, peers, signal, timeoutMs }: Probed): Promise<ProbeRow> {
  const { clock } = context;
  const nonce = crypto.getRandomValues(new Uint8Array(NONCE_BYTES));
  const started = clock.steady();
  // Whoever asks wants it tried now, however lately it failed.
  const answer = await peers.ask(
    key,
    { kind: "diag_ping_req", group_id: group.id, nonce, timestamp_ms: BigInt(clock.unix()) },
    "diag_ping_resp",
    timeoutMs,
    { ignoreBackoff: true, signal },
  );
  if (answer.group_id !== group.id || answer.nonce?.toHex() !== nonce.toHex() || answer.responder !== nodeId) {
    throw new PeerRefusal("unavailable", "peer answered another question");
  }
  const rttMs = clock.steady() - started;
  const received = timeOf(answer.timestamp_ms);
  return {
    ...NOTHING_SAID,
    node_id: nodeId,
    ok: true,
    rtt_ms: Math.round(rttMs),
    responder: answer.responder,
    received_ms: received,
    clock_offset_ms: received === undefined ? undefined : Math.round(received - (clock.unix() - rttMs / 2)),
  };
}

/** How the peer sees the moot; nothing where it does not say, which is no failure of the probe. */
async function compare(probed: Probed): Promise<Partial<ProbeRow>> {
  const { context, group, key, peers, signal, timeoutMs } = probed;
  try {
    const question = { kind: "status_req", ...group.question(key) } as const;
    const status = await peers.ask(key, question, "status_resp", timeoutMs, { ignoreBackoff: true, signal });
    if (status.twin && context.twins.told()) context.log.warn(TWIN_WARNING, { told_by: key });
    const { outcome } = group.beside(key, status);
    const roots = outcome === "unknown" ? undefined : outcome === "equal" ? "same" : "different";
    const isSameRoster = status.roster_head === group.roster.head && status.roster_forks === group.roster.forks;
    // What differs is looked at now, and not only with the next comparison: who asks again sees it.
    group.hearStatus(key, status, false);
    return {
      roster: isSameRoster ? "same" : "different",
      roots,
      twin: status.twin,
      version: status.version,
      last_message: await lastMessage(probed, roots === "same"),
    };
  } catch (error) {
    if (!(error instanceof EntmootError)) throw error;
    return {};
  }
}

/** Whether the peer holds the latest message of this node, read from the peer itself unless its copy is the same. */
async function lastMessage(
  { group, key, peers, signal, timeoutMs }: Probed,
  isSame: boolean,
): Promise<ProbeRow["last_message"]> {
  const { self } = group;
  if (self === undefined) return undefined;
  const query = { author_node_id: self.pilot_node_id, order: "desc", limit: 1 } as const;
  const { found, rest } = group.store.messages.query(query);
  const [latest] = found;
  if (latest === undefined) return rest === undefined ? "none" : undefined;
  if (isSame) return "delivered";
  const question = { kind: "fetch_req", group_id: group.id, id: latest.id } as const;
  try {
    const answer = await peers.ask(key, question, "fetch_resp", timeoutMs, { ignoreBackoff: true, signal });
    return answer.not_found || answer.message === undefined ? "missing" : "delivered";
  } catch (error) {
    if (!(error instanceof EntmootError)) throw error;
    return undefined;
  }
}

function failed(nodeId: number, failure: ProbeRow["failure"], error: string): ProbeRow {
  return { ...NOTHING_SAID, node_id: nodeId, ok: false, failure, error };
}

/** In a word; what a peer says that is no answer is its own fault, and it was reached. */
function wordOf(error: EntmootError): ProbeRow["failure"] {
  if (error instanceof PeerRefusal && error.code === "not_member") return "stranger";
  if (error.code === "unknown_frame" || error.code === "unsupported") return "unsupported";
  const failure = failureOf(error);
  return failure === "timeout" || failure === "refused" ? failure : "unreachable";
}

/** What a peer says its clock shows; nothing where that is no time of ours to tell. */
function timeOf(timestampMs: bigint): number | undefined {
  return timestampMs >= 0n && timestampMs <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(timestampMs) : undefined;
}
