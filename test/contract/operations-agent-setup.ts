import { expect } from "bun:test";
import {
  type AGENT_SETUP_OPERATIONS,
  agent_runner,
  live_agent_set,
  live_agents,
} from "../../src/node/operations/agent-setup.ts";
import { members } from "../../src/node/operations/moots.ts";
import type { CasesOf } from "./operations.contract.ts";
import { type Stage, UNKNOWN } from "./operations-stage.ts";

async function own({ group_id, node }: Stage) {
  const node_id = (await node.call(members, { group_id })).members.find(({ self }) => self)!.node_id;
  return { group_id, node_id, mode: "converse" } as const;
}

const unknown = { request: () => ({ group_id: UNKNOWN, node_id: 7, mode: "listen" as const }) } as const;

export const AGENT_SETUP_CASES: CasesOf<typeof AGENT_SETUP_OPERATIONS> = {
  agent_runner: {
    malformed: { request: '{"runner":"sh"}', names: "runner" },
    cases: [
      {
        title: "is none where nothing was said",
        request: () => ({}),
        answers: (answer) =>
          expect(answer).toMatchObject({ runner: "none", agent_instructions: false, changed: false }),
      },
      {
        title: "is kept, and what is not said again stays",
        request: () => ({ runner: "custom", runner_command: "/bin/agent" }),
        async answers(answer, { node }) {
          expect(answer).toMatchObject({ runner: "custom", runner_command: "/bin/agent", changed: true });
          const again = await node.call(agent_runner, { runner: "custom" });
          expect(again).toMatchObject({ runner_command: "/bin/agent", changed: false });
          expect(await node.call(agent_runner, { runner: "openclaw", dry_run: true })).toMatchObject({ changed: true });
          expect(await node.call(agent_runner, {})).toMatchObject({ runner: "custom", changed: false });
        },
      },
      {
        title: "a command for a runner that takes none",
        request: () => ({ runner: "openclaw", runner_command: "/bin/agent" }),
        fails: { code: "invalid_argument" },
      },
      {
        title: "custom without a command",
        request: () => ({ runner: "custom" }),
        fails: { code: "invalid_argument" },
      },
    ],
  },
  live_agent_set: {
    malformed: { request: '{"mode":"shout"}', names: "mode" },
    cases: [
      {
        title: "is kept once, with the time of the first",
        request: own,
        async answers({ changed, config }, stage) {
          expect(changed).toBe(true);
          expect(JSON.parse(config!)).toMatchObject({ enabled: true, mode: "converse", topic_filters: ["#"] });
          const again = { ...(await own(stage)), allowed_actions: [], topic_filters: ["#", "#"] };
          expect(await stage.node.call(live_agent_set, again)).toEqual({ config, changed: false });
          const { configs } = await stage.node.call(live_agents, {});
          expect(JSON.parse(configs!)).toEqual([JSON.parse(config!)]);
        },
      },
      {
        title: "a dry run keeps nothing",
        request: async (stage) => ({ ...(await own(stage)), dry_run: true }),
        async answers({ changed }, { node }) {
          expect(changed).toBe(true);
          expect(await node.call(live_agents, {})).toEqual({ configs: "[]" });
        },
      },
      {
        title: "for another node than this one",
        request: async (stage) => ({ ...(await own(stage)), node_id: 7 }),
        fails: { code: "not_member" },
      },
      {
        title: "a filter that is none",
        request: async (stage) => ({ ...(await own(stage)), topic_filters: ["a/#/b"] }),
        fails: { code: "invalid_argument" },
      },
      { title: "of a moot that is not here", ...unknown, fails: { code: "group_not_found" } },
    ],
  },
  live_agent_off: {
    malformed: { request: '{"node_id":-1}', names: "node_id" },
    cases: [
      {
        title: "forgets it",
        async request(stage) {
          await stage.node.call(live_agent_set, await own(stage));
          return { group_id: stage.group_id };
        },
        async answers(answer, { node }) {
          expect(answer).toEqual({ disabled: 1 });
          expect(await node.call(live_agents, {})).toEqual({ configs: "[]" });
        },
      },
      {
        title: "a dry run forgets nothing",
        async request(stage) {
          const kept = await own(stage);
          await stage.node.call(live_agent_set, kept);
          return { group_id: stage.group_id, node_id: kept.node_id, dry_run: true };
        },
        async answers(answer, { group_id, node }) {
          expect(answer).toEqual({ disabled: 1 });
          expect(JSON.parse((await node.call(live_agents, { group_id })).configs!)).toHaveLength(1);
        },
      },
    ],
  },
  live_agents: {
    malformed: { request: '{"group_id":7}', names: "group_id" },
    cases: [
      {
        title: "of a moot that has none",
        request: () => ({ group_id: UNKNOWN }),
        answers: (answer) => expect(answer).toEqual({ configs: "[]" }),
      },
    ],
  },
};
