import { expect } from "bun:test";
import { MessageId } from "../../src/core/ids.ts";
import type { LISTEN_OPERATIONS } from "../../src/node/operations/listen.ts";
import type { CasesOf } from "./operations.contract.ts";
import { UNKNOWN } from "./operations-stage.ts";

const BRIDGE = { agent: "oak", host: "test", door: "none", can_wake: true, can_look: true };
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
        answers: (answer) => expect(answer).toEqual({ waiting: [], listeners: [], turns: [] }),
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
