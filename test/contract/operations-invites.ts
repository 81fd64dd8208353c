import { expect } from "bun:test";
import { type INVITE_OPERATIONS, invite_mint, link_create } from "../../src/node/operations/invites.ts";
import type { CasesOf } from "./operations.contract.ts";
import { HOUR_MS, type Stage, UNKNOWN } from "./operations-stage.ts";

const GROUP = '"group_id":"AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE="';
const notFound = { fails: { code: "group_not_found" } } as const;

/** A link to the stage's own moot. */
const linkOf = ({ group_id, node }: Stage) => node.call(link_create, { group_id, uses: 3 });

const OPEN = { issuer_url: "http://127.0.0.1:1/esp", token: "t" };

export const INVITE_CASES: CasesOf<typeof INVITE_OPERATIONS> = {
  invite_mint: {
    malformed: { request: `{${GROUP},"valid_for_ms":"long"}`, names: "valid_for_ms" },
    cases: [
      {
        title: "signs an invite and adds nobody",
        request: ({ group_id }) => ({ group_id, peers: [77], valid_for_ms: HOUR_MS }),
        answers: ({ invite }, { group_id }) =>
          expect(invite).toMatchObject({ group_id, bootstrap_peers: [{ node_id: 77 }] }),
      },
      {
        title: "that holds no time is refused",
        request: ({ group_id }) => ({ group_id, valid_for_ms: 0 }),
        fails: { code: "invalid_argument", message: "valid_for_ms: expected a positive number, got 0" },
      },
      { title: "of an unknown moot", request: () => ({ group_id: UNKNOWN, valid_for_ms: HOUR_MS }), ...notFound },
    ],
  },
  link_create: {
    malformed: { request: `{${GROUP},"uses":-1}`, names: "uses" },
    cases: [
      {
        title: "shows the link's text",
        request: ({ group_id }) => ({ group_id, uses: 3, valid_for_ms: HOUR_MS }),
        answers: (answer, { group_id }) =>
          expect(answer).toMatchObject({
            group_id,
            uses: 3,
            used: 0,
            status: "active",
            expires_at_ms: answer.created_at_ms + HOUR_MS,
            link: expect.stringContaining("entmoot://join/"),
          }),
      },
      {
        title: "for too many uses is refused",
        request: ({ group_id }) => ({ group_id, uses: 65_537 }),
        fails: { code: "invalid_argument", message: "uses: expected 0 (no limit) to 65536, got 65537" },
      },
      { title: "of an unknown moot", request: () => ({ group_id: UNKNOWN }), ...notFound },
    ],
  },
  link_list: {
    malformed: { request: "{}", names: "group_id" },
    cases: [
      {
        title: "gives what was issued, without its text",
        async request(stage) {
          await linkOf(stage);
          return { group_id: stage.group_id };
        },
        answers({ links }, { group_id }) {
          expect(links).toMatchObject([{ group_id, uses: 3, status: "active" }]);
          expect(links[0]).not.toHaveProperty("link");
        },
      },
      { title: "of an unknown moot", request: () => ({ group_id: UNKNOWN }), ...notFound },
    ],
  },
  link_revoke: {
    malformed: { request: `{${GROUP},"link":{}}`, names: "link" },
    cases: [
      {
        title: "ends a link named by its text",
        request: async (stage) => ({ group_id: stage.group_id, link: (await linkOf(stage)).link }),
        answers: (answer) => expect(answer).toMatchObject({ uses: 3, status: "revoked" }),
      },
      {
        title: "ends a link named by its id",
        request: async (stage) => ({ group_id: stage.group_id, link: (await linkOf(stage)).id }),
        answers: (answer) => expect(answer).toMatchObject({ status: "revoked" }),
      },
      {
        title: "of one that was never issued is refused",
        request: ({ group_id }) => ({ group_id, link: "0123456789abcdef" }),
        fails: { code: "not_found" },
      },
    ],
  },
  join: {
    malformed: { request: `{"input":"${"x".repeat(65_537)}"}`, names: "input" },
    cases: [
      {
        title: "by a link tells how it goes, and ends as a member",
        request: async ({ other }) => ({ input: (await other()).link, timeout_ms: 60_000 }),
        answers(answer, _, events) {
          expect(answer).toMatchObject({ status: "joined", members: 2 });
          const stages = events.map(({ stage }) => stage);
          expect(stages).toContain("redeemed");
          expect(stages.at(-1)).toBe("messages");
        },
      },
      {
        title: "by one's own link is refused",
        request: async (stage) => ({ input: (await linkOf(stage)).link }),
        fails: { code: "invalid_argument", message: "join: this node issued the link itself" },
      },
      {
        title: "by what is no invite is refused",
        request: () => ({ input: "{}" }),
        fails: { code: "malformed_frame" },
      },
    ],
  },
  join_invite: {
    malformed: { request: '{"invite":{"group_id":1}}', names: "invite.group_id" },
    cases: [
      {
        title: "to a moot that is joined says so",
        async request({ group_id, node }) {
          const { invite } = await node.call(invite_mint, { group_id, valid_for_ms: HOUR_MS });
          return { invite, timeout_ms: 60_000 };
        },
        answers: (answer, { group_id }) =>
          expect(answer).toMatchObject({ status: "already_joined", group_id, members: 1 }),
      },
      {
        title: "that was changed after it was signed is refused",
        async request({ group_id, node }) {
          const { invite } = await node.call(invite_mint, { group_id, valid_for_ms: HOUR_MS });
          return { invite: { ...invite, valid_until: invite.valid_until + 1n } };
        },
        fails: { code: "signature_invalid" },
      },
    ],
  },
  join_open_invite: {
    malformed: { request: '{"issuer_url":"https://esp.example","token":7}', names: "token" },
    cases: [
      {
        title: "whose issuer cannot be reached says so, and not the token",
        request: () => OPEN,
        fails: { code: "unavailable", message: expect.stringMatching(/^http:\/\/127\.0\.0\.1:1: cannot be reached/) },
      },
      {
        title: "whose issuer is on a private network is refused",
        request: () => ({ ...OPEN, issuer_url: "https://10.1.2.3" }),
        fails: {
          code: "invalid_argument",
          message: "open invite: issuer: expected a public name or address, found one of a private network",
        },
      },
      {
        title: "whose token would lead elsewhere at its issuer is refused",
        request: () => ({ ...OPEN, token: " .. " }),
        fails: { code: "invalid_argument", message: "open invite: its token is none; ask for a new link" },
      },
      {
        title: "into a moot that this node is in asks nobody",
        request: ({ group_id }) => ({ ...OPEN, expected_group_id: group_id }),
        answers: (answer, { group_id }) => expect(answer).toMatchObject({ status: "already_joined", group_id }),
      },
    ],
  },
};
