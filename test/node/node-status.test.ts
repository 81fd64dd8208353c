import { expect, test } from "bun:test";
import { GroupId } from "../../src/core/ids.ts";
import { encodeWire } from "../../src/core/json/json-codec.ts";
import { statusForAgent } from "../../src/node/node-status.ts";
import { type NodeStatus, status } from "../../src/node/operations/daemon.ts";

const OWNERS: NodeStatus = {
  running: true,
  version: "v1",
  pid: 4711,
  place: "b pid:[1]",
  data_dir: "/data/oak",
  identity_path: "/data/key.json",
  pilot_node_id: 7,
  entmoot_pubkey: new Uint8Array(32).fill(1),
  listen_port: 1004,
  transport: { carrier: "iroh", reason: "chosen by -transport", port: 4433, hints: ["192.0.2.7:4433"] },
  groups: [],
  unopened: [
    {
      group_id: GroupId.zero,
      name: "oak",
      reason: "/data/oak/groups/x: no permission",
      code: "data_root_invalid",
      passing: false,
      lost: false,
    },
  ],
  twin_seen_ms: 0,
  faults: ["/data/oak: no room is left on its disk"],
  fault_codes: ["disk_full"],
  started_at_ms: 12,
  peer_refusals: 3,
};

test("an agent is told who the node is, and nothing of the machine, its files and its addresses", () => {
  const told = new TextDecoder().decode(encodeWire(status.answer, statusForAgent(OWNERS)));
  expect(JSON.parse(told)).toEqual({
    running: true,
    version: "v1",
    pid: 0,
    pilot_node_id: 7,
    entmoot_pubkey: OWNERS.entmoot_pubkey.toBase64(),
    transport: { carrier: "iroh" },
    groups: [],
    unopened: [
      {
        group_id: GroupId.toBase64(GroupId.zero),
        name: "oak",
        reason: 'this moot cannot be opened; the owner is told why by "entmootd info"',
      },
    ],
    faults: ['nothing can be stored here just now; the owner is told why by "entmootd info"'],
    started_at_ms: 12,
  });
});
