import { EntmootError } from "../core/errors.ts";
import type { Handler } from "./handler.ts";

/** Wire. */
export const PROBE_PEERS_MAX = 256;
/** Wire. Peers asked at a time. */
export const PROBE_AT_ONCE = 4;

/** Wire. The time for one peer: 3 s unless given, held between 250 ms and 30 s. */
export function probeTimeoutMs(ms: number): number {
  return ms <= 0 ? 3_000 : Math.min(Math.max(ms, 250), 30_000);
}

/** Signs of life from peers. */
export const handleProbe: Handler<"diag_probe_req"> = async (request, { node, send, gone }) => {
  const { group_id, peers } = request;
  if (peers.length > PROBE_PEERS_MAX) {
    throw new EntmootError(
      "invalid_argument",
      `too many peers for one diagnostic probe: at most ${PROBE_PEERS_MAX}, found ${peers.length}`,
    );
  }
  const timeoutMs = probeTimeoutMs(Number(request.timeout_ms));
  const rows = await node.probe({ groupId: group_id, peers, timeoutMs, signal: gone });
  await send({
    kind: "diag_probe_resp",
    group_id,
    peers: rows.map((row) => ({
      node_id: row.node_id,
      ok: row.ok,
      rtt_ms: BigInt(Math.ceil(row.rtt_ms ?? 0)),
      error: row.error ?? "",
      responder: row.responder ?? 0,
      received_ms: BigInt(Math.round(row.received_ms ?? 0)),
    })),
  });
};
