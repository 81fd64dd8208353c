import { expect } from "bun:test";
import { PublicKey } from "../../src/core/ids.ts";
import { join } from "../../src/node/operations/invites.ts";
import {
  type MEMBERSHIP_OPERATIONS,
  moot_forget,
  moot_leave,
  moot_summaries,
  moot_update,
  moots,
} from "../../src/node/operations/membership.ts";
import { members, roster_change } from "../../src/node/operations/moots.ts";
import type { CasesOf } from "./operations.contract.ts";
import { STRANGER, type Stage, UNKNOWN } from "./operations-stage.ts";

const ofUnknown = { title: "an unknown moot", request: () => ({ group_id: UNKNOWN }) };
const notFound = { fails: { code: "group_not_found" } } as const;
const ofGroup = { malformed: { request: '{"group_id":"x"}', names: "group_id" } } as const;

/** The moot of another node, which the node has joined. */
async function joined(stage: Stage) {
  const other = await stage.other();
  await stage.node.call(join, { input: other.link });
  return other;
}

export const MEMBERSHIP_CASES: CasesOf<typeof MEMBERSHIP_OPERATIONS> = {
  moot_summaries: {
    ...ofGroup,
    cases: [
      {
        title: "tell members, roster head and what is shown, of one or all",
        async request({ group_id, node }) {
          expect((await node.call(moot_summaries, {})).summaries).toHaveLength(1);
          return { group_id };
        },
        answers({ summaries }, { group_id }) {
          expect(summaries).toMatchObject([{ group_id, members: 1 }]);
          expect(JSON.parse(summaries[0]!.metadata!)).toMatchObject({ name: "council" });
        },
      },
      { ...ofUnknown, ...notFound },
    ],
  },
  moots: {
    ...ofGroup,
    cases: [
      {
        title: "are told with what is known of them",
        async request({ group_id, node, publish }) {
          await publish("hello");
          await node.call(moot_update, { group_id, description: "what for", tags: ["a", "a", "b"] });
          return {};
        },
        answers: ({ moots: rows }, { group_id }) =>
          expect(rows).toMatchObject([
            {
              group_id,
              name: "council",
              description: "what for",
              tags: ["a", "b"],
              members: 1,
              messages: 1,
              founder: true,
              member: true,
              policy: "none",
              retention_days: undefined,
            },
          ]),
      },
      { ...ofUnknown, ...notFound },
    ],
  },
  moot_update: {
    malformed: { request: '{"group_id":null,"tags":"a"}', names: "tags" },
    cases: [
      {
        title: "gives another name, and again changes nothing",
        async request({ group_id, node }) {
          expect(await node.call(moot_update, { group_id, name: "parliament" })).toMatchObject({ changed: true });
          return { group_id, name: " parliament " };
        },
        async answers(answer, { group_id, node }) {
          expect(answer).toEqual({ group_id, name: "parliament", description: "", tags: [], changed: false });
          expect((await node.call(moots, { group_id })).moots).toMatchObject([{ name: "parliament" }]);
        },
      },
      {
        title: "to no name is refused",
        request: ({ group_id }) => ({ group_id, name: "  " }),
        fails: { code: "invalid_argument" },
      },
      {
        title: "by who did not found it is refused",
        request: async (stage) => ({ group_id: (await joined(stage)).group_id, name: "mine" }),
        fails: { code: "not_member" },
      },
      { ...ofUnknown, ...notFound },
    ],
  },
  moot_leave: {
    malformed: { request: '{"group_id":null,"wait_ms":-1}', names: "wait_ms" },
    cases: [
      {
        title: "is known to a member, and the founder removes who leaves",
        request: async (stage) => ({ group_id: (await joined(stage)).group_id }),
        answers: (answer) => expect(answer.told > 0 || answer.removed).toBeTrue(),
      },
      {
        title: "by its founder is refused",
        request: ({ group_id }) => ({ group_id }),
        fails: { code: "conflict" },
      },
      { ...ofUnknown, ...notFound },
    ],
  },
  moot_forget: {
    malformed: { request: '{"group_id":null,"keep":1}', names: "keep" },
    cases: [
      {
        title: "takes it off the node",
        request: ({ group_id }) => ({ group_id }),
        async answers(answer, { group_id, node }) {
          expect(answer).toMatchObject({ group_id, links_ended: 0 });
          expect((await node.call(moots, {})).moots).toEqual([]);
          await expect(node.call(members, { group_id })).rejects.toMatchObject({ code: "group_not_found" });
        },
      },
      {
        title: "of a member that has not left is refused",
        request: async (stage) => ({ group_id: (await joined(stage)).group_id }),
        fails: { code: "conflict" },
      },
      {
        title: "of one that has left is done",
        async request(stage) {
          const { group_id } = await joined(stage);
          await stage.node.call(moot_leave, { group_id });
          return { group_id };
        },
        answers: async (answer, { node }) => {
          await expect(node.call(moot_forget, answer)).rejects.toMatchObject({ code: "group_not_found" });
        },
      },
      {
        title: "of a founder whose moot has others is refused",
        async request({ group_id, node }) {
          await node.call(roster_change, { group_id, op: "add", entmoot_pubkey: STRANGER });
          return { group_id };
        },
        fails: { code: "conflict" },
      },
      { ...ofUnknown, ...notFound },
    ],
  },
  roster_history: {
    malformed: { request: '{"group_id":null,"before":-1}', names: "before" },
    cases: [
      {
        title: "is told from the latest on, a page at a time",
        async request({ group_id, node }) {
          await node.call(roster_change, { group_id, op: "add", node_id: 77, entmoot_pubkey: STRANGER });
          await node.call(roster_change, { group_id, op: "remove", entmoot_pubkey: STRANGER });
          return { group_id, limit: 2 };
        },
        answers: ({ entries, next }) => {
          expect(next).toBe(1);
          const entmoot_pubkey = PublicKey.toBytes(STRANGER);
          expect(entries).toMatchObject([
            { number: 2, op: "remove", node_id: 77, entmoot_pubkey, member: false },
            { number: 1, op: "add", node_id: 77, entmoot_pubkey, member: false },
          ]);
        },
      },
      {
        title: "of no entries is refused",
        request: ({ group_id }) => ({ group_id, limit: 0 }),
        fails: { code: "invalid_argument", message: "limit: expected 1 to 1000, found 0" },
      },
      { ...ofUnknown, ...notFound },
    ],
  },
};
