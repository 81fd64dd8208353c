import { expect } from "bun:test";
import { PublicKey, RosterEntryId } from "../../src/core/ids.ts";
import { type MOOT_OPERATIONS, member_admit, members, roster_change } from "../../src/node/operations/moots.ts";
import { OPEN_GROUP } from "../support/nodes.ts";
import type { CasesOf } from "./operations.contract.ts";
import { HOUR_MS, STRANGER, UNKNOWN } from "./operations-stage.ts";

const ofUnknown = { title: "an unknown moot", request: () => ({ group_id: UNKNOWN }) };
const notFound = { fails: { code: "group_not_found" } } as const;
const ofGroup = { malformed: { request: '{"group_id":"x"}', names: "group_id" } } as const;
const target = { pilot_node_id: 77, entmoot_pubkey: PublicKey.toBytes(STRANGER) };
const unsigned = {
  malformed: { request: '{"group_id":null,"target":{"pilot_node_id":1,"entmoot_pubkey":null}}', names: "group_id" },
} as const;

export const MOOT_CASES: CasesOf<typeof MOOT_OPERATIONS> = {
  group_create: {
    malformed: { request: '{"name":"a","visibility":"secret","join_mode":"open_invite"}', names: "visibility" },
    cases: [
      {
        title: "founds a moot with the node as its founder",
        request: () => ({ name: "second", visibility: "private", join_mode: "invite_only" }),
        async answers({ founder, group_id, open_invite }, { node }) {
          expect(open_invite).toBeUndefined();
          const rows = (await node.call(members, { group_id })).members;
          expect(rows).toMatchObject([{ node_id: founder.pilot_node_id, founder: true, self: true }]);
        },
      },
      {
        title: "that anybody may join comes with a link",
        request: () => ({ ...OPEN_GROUP, join_mode: "open_invite" }),
        answers: ({ group_id, open_invite }) =>
          expect(open_invite).toMatchObject({
            group_id,
            status: "active",
            uses: 0,
            link: expect.stringContaining("entmoot://join/"),
          }),
      },
      {
        title: "without a name is refused",
        request: () => ({ ...OPEN_GROUP, name: "" }),
        fails: { code: "invalid_argument", message: "-name is required" },
      },
      {
        title: "with what is no policy is refused",
        request: () => ({ ...OPEN_GROUP, policy: '{"version":7}' }),
        fails: { code: "malformed_frame" },
      },
    ],
  },
  roster_change: {
    malformed: { request: '{"group_id":"","op":"add","entmoot_pubkey":""}', names: "group_id" },
    cases: [
      {
        title: "adds a key under an id",
        request: ({ group_id }) => ({ group_id, op: "add", node_id: 77, entmoot_pubkey: STRANGER }),
        answers: (answer, { group_id }) =>
          expect(answer).toMatchObject({ group_id, members: 2, subject: { pilot_node_id: 77 } }),
      },
      {
        title: "removes a member by its key alone",
        async request({ group_id, node }) {
          await node.call(roster_change, { group_id, op: "add", entmoot_pubkey: STRANGER });
          return { group_id, op: "remove", entmoot_pubkey: STRANGER };
        },
        answers: (answer) => expect(answer).toMatchObject({ members: 1 }),
      },
      {
        title: "finds nobody to remove",
        request: ({ group_id }) => ({ group_id, op: "remove", entmoot_pubkey: STRANGER }),
        fails: { code: "not_member", message: "target is not a member" },
      },
      {
        title: "of an unknown moot is refused",
        request: () => ({ group_id: UNKNOWN, op: "add", entmoot_pubkey: STRANGER }),
        ...notFound,
      },
    ],
  },
  roster_heal: {
    malformed: { request: '{"group_id":"AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=","keep":"x"}', names: "keep" },
    cases: [
      {
        title: "has nothing to do where nothing has forked",
        async request({ group_id, node }) {
          const { entry_id } = await node.call(roster_change, { group_id, op: "add", entmoot_pubkey: STRANGER });
          return { group_id, keep: entry_id };
        },
        answers: (answer) => expect(answer).toMatchObject({ lost: [], readmitted: [], members: 2, fork: undefined }),
      },
      {
        title: "of a history that is not known is refused",
        request: ({ group_id }) => ({ group_id, keep: RosterEntryId.fromHex("77".repeat(32)) }),
        fails: { code: "not_found" },
      },
      {
        title: "of an unknown moot is refused",
        request: () => ({ group_id: UNKNOWN, keep: RosterEntryId.zero }),
        ...notFound,
      },
    ],
  },
  members: {
    ...ofGroup,
    cases: [
      {
        title: "ascend by node id, the node's own marked",
        async request({ group_id, node }) {
          await node.call(roster_change, { group_id, op: "add", node_id: 1, entmoot_pubkey: STRANGER });
          return { group_id };
        },
        answers: (answer) =>
          expect(answer.members).toMatchObject([
            { node_id: 1, entmoot_pubkey: PublicKey.toBytes(STRANGER), hostname: "", self: false, founder: false },
            { self: true, founder: true },
          ]),
      },
      { ...ofUnknown, ...notFound },
    ],
  },
  topics: {
    malformed: { request: '{"group_id":"AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=","limit":-1}', names: "limit" },
    cases: [
      {
        title: "are those of the messages held",
        async request({ group_id, publish }) {
          await publish("x", "y");
          return { group_id };
        },
        answers: ({ topics }) => expect(topics).toMatchObject([{ topic: "chat", messages: 2 }]),
      },
      {
        title: "are asked for with a limit from 1",
        request: ({ group_id }) => ({ group_id, limit: 0 }),
        fails: { code: "invalid_argument", message: "limit: expected 1 to 1000, found 0" },
      },
      { ...ofUnknown, ...notFound },
    ],
  },
  peers: {
    ...ofGroup,
    cases: [
      {
        title: "tell how each member is reached, and why one is not",
        async request({ group_id, node }) {
          await node.call(roster_change, { group_id, op: "add", node_id: 1, entmoot_pubkey: STRANGER });
          return { group_id };
        },
        answers: ({ peers }) =>
          expect(peers).toMatchObject([
            { node_id: 1, connected: false, error: expect.any(String) },
            { self: true, trust: "self", route: "self" },
          ]),
      },
      { ...ofUnknown, ...notFound },
    ],
  },
  member_admit: {
    ...unsigned,
    cases: [
      {
        title: "adds the target and signs an invite for it",
        request: ({ group_id }) => ({ group_id, target, valid_for_ms: HOUR_MS }),
        answers: (answer, { group_id }) =>
          expect(answer).toMatchObject({ group_id, members: 2, invite: { group_id, roster_head: answer.roster_head } }),
      },
      {
        title: "holds until the instant asked for",
        request: ({ group_id }) => ({ group_id, target, valid_until_ms: 4_000_000_000_000n }),
        answers: ({ invite }) => expect(invite.valid_until).toBe(4_000_000_000_000n),
      },
      {
        title: "needs one end of the invite",
        request: ({ group_id }) => ({ group_id, target }),
        fails: {
          code: "invalid_argument",
          message: "exactly one of valid_for_ms and valid_until_ms is required",
        },
      },
      {
        title: "under the id of another key is refused",
        async request({ group_id, node }) {
          await node.call(member_admit, { group_id, target, valid_for_ms: HOUR_MS });
          const other = { pilot_node_id: 77, entmoot_pubkey: new Uint8Array(32).fill(6) };
          return { group_id, target: other, valid_for_ms: HOUR_MS };
        },
        fails: { code: "conflict" },
      },
    ],
  },
  member_expel: {
    ...unsigned,
    cases: [
      {
        title: "removes a member named by id and key",
        async request({ group_id, node }) {
          await node.call(member_admit, { group_id, target, valid_for_ms: HOUR_MS });
          return { group_id, target };
        },
        answers: (answer, { group_id }) => expect(answer).toMatchObject({ group_id, members: 1 }),
      },
      {
        title: "of nobody is refused",
        request: ({ group_id }) => ({ group_id, target }),
        fails: { code: "not_member", message: "target is not a member" },
      },
    ],
  },
  invite_authority: {
    ...ofGroup,
    cases: [
      {
        title: "is the founder's",
        request: ({ group_id }) => ({ group_id }),
        answers: (answer, { group_id }) => expect(answer).toMatchObject({ group_id, members: 1 }),
      },
      { ...ofUnknown, ...notFound },
    ],
  },
};
