import type { Handler } from "./handler.ts";

/** The original's info. Its Merkle roots travel as 32 numbers. */
export const handleInfo: Handler<"info_req"> = async (_request, { node, send }) => {
  const { pilot_node_id, entmoot_pubkey, listen_port, data_dir, groups } = await node.status();
  await send({
    kind: "info_resp",
    pilot_node_id,
    entmoot_pubkey,
    listen_port,
    data_dir,
    groups: groups.map(({ group_id, members, messages, merkle_root }) => ({
      group_id,
      members,
      messages,
      merkle_root,
    })),
    running: true,
  });
};

/** Everything `info` and `doctor` show. */
export const handleNodeStatus: Handler<"node_status_req"> = async (_request, { node, send }) => {
  await send({ kind: "node_status_resp", ...(await node.status()) });
};

/** How the members of a group are reached. */
export const handlePeers: Handler<"peers_req"> = async (request, { node, send }) => {
  const rows = await node.peers(request.group_id);
  // Carriers measure in fractions; the frame holds whole milliseconds, rounded up so that 0 stays "unknown".
  const peers = rows.map((row) => ({ ...row, rtt_ms: row.rtt_ms === undefined ? undefined : Math.ceil(row.rtt_ms) }));
  await send({ kind: "peers_resp", peers });
};
