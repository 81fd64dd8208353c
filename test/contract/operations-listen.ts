import { expect } from "bun:test";
import { MessageId } from "../../src/core/ids.ts";
import { deliveries, type LISTEN_OPERATIONS } from "../../src/node/operations/listen.ts";
import { type WAKE_OPERATIONS, wake_limits } from "../../src/node/operations/wake.ts";
import type { CasesOf } from "./operations.contract.ts";
import { UNKNOWN } from "./operations-stage.ts";

const BRIDGE = { agent: "oak", host: "test", door: "none", can_wake: true, can_look: true };
const LIMITS = { hops: 6, pair_per_minute: 10, agent_per_hour: 30, quiet: "off" };
const HANDED = { message_id: MessageId.zero, token: 1, to: "handed", evidence: undefined } as const;

/** What is handed over is seen of two nodes: test/node/agents/listening.test.ts. */
export const LISTEN_CASES: CasesOf<typeof LISTEN_OPERATIONS> = {
  listen: {
    malformed: { request: '{"agent":7}', names: "agent" },
    cases: [
      {
        title: "is refused for a moot that is not here",
        request: () => ({ ...BRIDGE, group_id: UNKNOWN }),
        fails: { code: "group_not_found" },
      },
    ],
  },
  delivery_move: {
    malformed: { request: '{"moves":[{"to":"eaten"}]}', names: "move" },
    cases: [
      {
        title: "is refused for what nobody was given",
        request: ({ group_id }) => ({ moves: [{ ...HANDED, group_id }] }),
        fails: { code: "not_found", message: "delivery: expected a message that was claimed, found none" },
      },
    ],
  },
  deliveries: {
    malformed: { request: '{"limit":"x"}', names: "limit" },
    cases: [
      {
        title: "tells that nobody listens and nothing waits",
        request: () => ({}),
        answers: (answer) =>
          expect(answer).toEqual({ waiting: [], listeners: [], turns: [], limits: LIMITS, rules: [] }),
      },
      { title: "is refused for no rows", request: () => ({ limit: 0 }), fails: { code: "invalid_argument" } },
      {
        title: "is refused for a moot that is not here",
        request: () => ({ group_id: UNKNOWN }),
        fails: { code: "group_not_found" },
      },
    ],
  },
};

export const WAKE_CASES: CasesOf<typeof WAKE_OPERATIONS> = {
  wake_limits: {
    malformed: { request: '{"hops":"many"}', names: "hops" },
    cases: [
      { title: "tells what holds", request: () => ({}), answers: (answer) => expect(answer).toEqual(LIMITS) },
      {
        title: "changes what is said, and leaves the rest",
        request: () => ({ hops: 3, quiet: "22:00-07:00, 12:30-13:00" }),
        async answers(answer, { asked, node }) {
          const holding = { ...LIMITS, hops: 3, quiet: "22:00-07:00,12:30-13:00" };
          expect(answer).toEqual(holding);
          expect((await node.call(deliveries, {})).limits).toEqual(holding);
          expect(await asked.call(wake_limits, { quiet: "off" })).toEqual({ ...holding, quiet: "off" });
        },
      },
      {
        title: "of what is too much is refused",
        request: () => ({ agent_per_hour: 1001 }),
        fails: { code: "invalid_argument", message: "agent_per_hour: expected 1 to 1000, found 1001" },
      },
      {
        title: "of what is no time is refused",
        request: () => ({ quiet: "22-7" }),
        fails: { code: "invalid_argument", message: expect.stringContaining("22:00-07:00") },
      },
    ],
  },
};
