import { textOf } from "../core/errors.ts";
import { keyOf } from "../core/record/node-key.ts";
import type { Group } from "./group/group.ts";
import type { NodeContext } from "./node-context.ts";
import { type ProbeRow, type probe as probeOperation, probeTimeoutMs } from "./operations/moots.ts";
import type { RequestOf } from "./operations/operation.ts";

/** Wire. Peers asked at a time, as by the original: four that are away cost one time-out. */
const PARALLEL = 4;

/** Wire. What the original sends, and what its answer must bring back. */
const NONCE_BYTES = 16;

/** Asks each peer for a sign of life; one row a peer, in the order asked. Throws `group_not_found`. */
export async function probe(
  context: NodeContext,
  { group_id, peers, timeout_ms }: RequestOf<typeof probeOperation>,
): Promise<ProbeRow[]> {
  const group = context.requireGroup(group_id);
  const timeoutMs = probeTimeoutMs(timeout_ms ?? 0);
  const rows: ProbeRow[] = new Array(peers.length);
  let next = 0;
  const worker = async () => {
    for (let i = next++; i < peers.length; i = next++) rows[i] = await probeOne(context, group, peers[i]!, timeoutMs);
  };
  await Promise.all(Array.from({ length: PARALLEL }, worker));
  return rows;
}

async function probeOne(context: NodeContext, group: Group, nodeId: number, timeoutMs: number): Promise<ProbeRow> {
  const failed = (error: string): ProbeRow => ({
    node_id: nodeId,
    ok: false,
    rtt_ms: undefined,
    error,
    responder: undefined,
    received_ms: undefined,
  });
  const member = group.roster.log.member(nodeId);
  const key = member && keyOf(member);
  if (key === undefined) return failed("peer not found in the roster");
  const peers = context.carrier?.peers;
  if (peers === undefined) return failed("this process opened no carrier");
  const nonce = crypto.getRandomValues(new Uint8Array(NONCE_BYTES));
  const started = context.clock.steady();
  try {
    const answer = await peers.ask(
      key,
      { kind: "diag_ping_req", group_id: group.id, nonce, timestamp_ms: BigInt(context.clock.unix()) },
      "diag_ping_resp",
      timeoutMs,
    );
    if (answer.group_id !== group.id || answer.nonce?.toHex() !== nonce.toHex() || answer.responder !== nodeId) {
      return failed("peer answered another question");
    }
    return {
      node_id: nodeId,
      ok: true,
      rtt_ms: Math.round(context.clock.steady() - started),
      error: undefined,
      responder: answer.responder,
      received_ms: timeOf(answer.timestamp_ms),
    };
  } catch (error) {
    return failed(textOf(error));
  }
}

/** What a peer says its clock shows; nothing where that is no time of ours to tell. */
function timeOf(timestampMs: bigint): number | undefined {
  return timestampMs >= 0n && timestampMs <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(timestampMs) : undefined;
}
