import { expect } from "bun:test";
import type { DIAGNOSIS_OPERATIONS } from "../../src/node/operations/diagnosis.ts";
import { roster_change } from "../../src/node/operations/moots.ts";
import type { CasesOf } from "./operations.contract.ts";
import { STRANGER, UNKNOWN } from "./operations-stage.ts";

const notFound = { fails: { code: "group_not_found" } } as const;
const states = (checks: readonly { layer: string; state: string }[]) =>
  Object.fromEntries(checks.map(({ layer, state }) => [layer, state]));

export const DIAGNOSIS_CASES: CasesOf<typeof DIAGNOSIS_OPERATIONS> = {
  probe: {
    malformed: { request: '{"group_id":"AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=","peers":["a"]}', names: "peers" },
    cases: [
      {
        title: "gives a row for each peer, in the order asked",
        request: ({ group_id }) => ({ group_id, peers: [5, 4], timeout_ms: 250 }),
        answers: ({ peers }) =>
          expect(peers).toMatchObject([
            { node_id: 5, ok: false, error: "peer not found in the roster", failure: "no_member" },
            { node_id: 4, ok: false },
          ]),
      },
      { title: "of an unknown moot is refused", request: () => ({ group_id: UNKNOWN, peers: [1] }), ...notFound },
    ],
  },
  doctor: {
    malformed: { request: '{"probe":7}', names: "probe" },
    cases: [
      {
        title: "tells of the node, of each moot and of each member, layer by layer",
        async request({ group_id, node }) {
          await node.call(roster_change, { group_id, op: "add", node_id: 1, entmoot_pubkey: STRANGER });
          return { probe: true, timeout_ms: 250 };
        },
        answers({ checks, groups }, { group_id }) {
          expect(states(checks)).toMatchObject({ identity: "ok", data: "ok" });
          const [moot] = groups;
          expect(moot).toMatchObject({ group_id, local_member: true, local_member_status: "ok", members: 2 });
          expect(states(moot!.checks)).toEqual({
            open: "ok",
            membership: "ok",
            roster: "ok",
            policy: "ok",
            links: "ok",
          });
          const stranger = moot!.peers.find(({ peer }) => !peer.self)!;
          expect(stranger).toMatchObject({ peer: { node_id: 1 }, probe: { ok: false } });
          expect(stranger.checks.find(({ state }) => state === "failed")).toMatchObject({
            layer: "address",
            diagnosis: "transport_missing",
            next: ["entmootd", "peers", "-group", expect.any(String), "-probe", "-timeout", "30s"],
          });
          // What stands on a layer that does not hold is not known.
          expect(states(stranger.checks)).toMatchObject({ key: "unknown", answer: "unknown", delivery: "unknown" });
        },
      },
      { title: "of an unknown moot is refused", request: () => ({ group_id: UNKNOWN }), ...notFound },
    ],
  },
};
