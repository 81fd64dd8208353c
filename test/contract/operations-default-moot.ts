import { expect } from "bun:test";
import {
  type DEFAULT_MOOT_OPERATIONS,
  default_moot_decline,
  default_moot_live_on,
  default_moot_status,
} from "../../src/node/operations/default-moot.ts";
import { members } from "../../src/node/operations/moots.ts";
import { DESCRIPTOR_KEY, descriptorOf } from "../support/default-moot.ts";
import { EspServer } from "../support/esp-server.ts";
import type { CasesOf } from "./operations.contract.ts";
import { type Stage, UNKNOWN } from "./operations-stage.ts";

const web = new EspServer();
const GONE = { descriptor_url: "http://127.0.0.1:1/x.json", pinned_key: DESCRIPTOR_KEY };
const gone = { fails: { code: "unavailable" } } as const;
const malformed = { request: '{"descriptor_url":7}', names: "descriptor_url" };

/** A server's descriptor of the stage's own moot, or of another one. */
function served({ group_id }: Pick<Stage, "group_id">) {
  const body = descriptorOf({ group_id });
  web.instead = ({ path }) => (path === `/${group_id}` ? new Response(body) : undefined);
  return { descriptor_url: `${web.url}/${group_id}`, pinned_key: DESCRIPTOR_KEY };
}

async function selfOf({ group_id, node }: Stage): Promise<number> {
  return (await node.call(members, { group_id })).members.find(({ self }) => self)!.node_id;
}

export const DEFAULT_MOOT_CASES: CasesOf<typeof DEFAULT_MOOT_OPERATIONS> = {
  default_moot_status: {
    malformed,
    cases: [
      {
        title: "tells what is here and what the descriptor says",
        request: (stage) => served(stage),
        answers(answer, { group_id }) {
          expect(answer).toMatchObject({ consent: "unconfigured", descriptor_verified: true, group_id, joined: true });
          expect(answer).toMatchObject({ live_enabled: false, policy_summary: expect.stringContaining("6/min") });
          expect(JSON.parse(answer.local_state!)).toEqual({ consent: "unconfigured", updated_at_ms: 0 });
        },
      },
      {
        title: "tells what is wrong with the descriptor, and of what is here all the same",
        async request({ group_id, node }) {
          await node.call(default_moot_decline, served({ group_id }));
          return { ...served({ group_id }), pinned_key: btoa("x".repeat(32)) };
        },
        answers: (answer, { group_id }) =>
          expect(answer).toMatchObject({
            consent: "declined",
            descriptor_verified: false,
            descriptor_error: "defaultmoot: invalid descriptor signature: signer is not the pinned key",
            group_id,
            joined: false,
          }),
      },
      {
        title: "says of an address that is none why, and nothing of a moot",
        request: () => ({ descriptor_url: "http://entmoot.xyz/x.json" }),
        answers: (answer) =>
          expect(answer).toMatchObject({
            descriptor_url: "",
            descriptor_error: expect.stringContaining(
              "defaultmoot: invalid configuration: descriptor url: expected https",
            ),
            group_id: undefined,
          }),
      },
    ],
  },
  default_moot_join: {
    malformed: { request: '{"dry_run":7}', names: "dry_run" },
    cases: [
      {
        title: "verifies and does nothing",
        request: () => ({ ...served({ group_id: UNKNOWN }), dry_run: true }),
        answers: (answer) =>
          expect(answer).toMatchObject({ status: "verified", group_id: UNKNOWN, name: "The Ent Moot" }),
      },
      {
        title: "keeps the consent of who is in it already, and publishes the introduction",
        request: (stage) => ({ ...served(stage), intro: " hello " }),
        async answers(answer, { group_id, node }) {
          expect(answer).toMatchObject({ status: "joined", group_id, intro_published: true });
          const { consent } = await node.call(default_moot_status, served({ group_id }));
          expect(consent).toBe("joined");
        },
      },
      { title: "without a descriptor", request: () => GONE, ...gone },
    ],
  },
  default_moot_decline: {
    malformed,
    cases: [
      {
        title: "keeps which moot it is about",
        request: (stage) => served(stage),
        answers({ local_state, restart_required }) {
          expect(JSON.parse(local_state!)).toMatchObject({ consent: "declined", group_id: expect.any(String) });
          expect(restart_required).toBe(false);
        },
      },
      {
        title: "is kept though nobody can be asked which of the moots here it is",
        request: () => GONE,
        answers({ local_state }) {
          expect(JSON.parse(local_state!)).toMatchObject({ consent: "declined" });
          expect(JSON.parse(local_state!)).not.toHaveProperty("group_id");
        },
      },
    ],
  },
  default_moot_leave: {
    malformed,
    cases: [
      {
        title: "ends what answers there",
        async request(stage) {
          await stage.node.call(default_moot_live_on, { ...served(stage), node_id: await selfOf(stage) });
          return served(stage);
        },
        answers: (answer, { group_id }) =>
          expect(answer).toMatchObject({ group_id, live_configs_disabled: 1, restart_required: false }),
      },
      { title: "where it cannot be told which moot it is", request: () => GONE, ...gone },
    ],
  },
  default_moot_live_on: {
    malformed: { request: '{"node_id":-1}', names: "node_id" },
    cases: [
      {
        title: "keeps what the descriptor recommends",
        request: async (stage) => ({ ...served(stage), node_id: await selfOf(stage) }),
        answers: ({ config }) =>
          expect(JSON.parse(config!)).toMatchObject({
            enabled: true,
            mode: "converse",
            topic_filters: ["chat/general"],
            allowed_actions: ["reply"],
            max_actions_per_scan: 1,
            max_action_bytes: 4096,
          }),
      },
      {
        title: "for another node than this one is refused",
        request: (stage) => ({ ...served(stage), node_id: 7 }),
        fails: { code: "not_member" },
      },
      {
        title: "where it was declined is refused",
        async request(stage) {
          const node_id = await selfOf(stage);
          await stage.node.call(default_moot_decline, served(stage));
          return { ...served(stage), node_id };
        },
        fails: { code: "not_member" },
      },
      { title: "without a descriptor", request: () => ({ ...GONE, node_id: 7 }), ...gone },
    ],
  },
  default_moot_live_off: {
    malformed,
    cases: [
      {
        title: "where nothing is on changes nothing",
        request: (stage) => served(stage),
        answers: (answer, { group_id }) => expect(answer).toEqual({ group_id, disabled: 0 }),
      },
      { title: "where it cannot be told which moot it is", request: () => GONE, ...gone },
    ],
  },
};
