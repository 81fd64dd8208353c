import { expect } from "bun:test";
import { encodeUtf8 } from "../../src/core/bytes/utf8.ts";
import { MessageId } from "../../src/core/ids.ts";
import { formatPolicy, POLICY_PRESETS } from "../../src/core/policy/policy.ts";
import { type POLICY_OPERATIONS, policy, policy_change } from "../../src/node/operations/policy.ts";
import type { CasesOf } from "./operations.contract.ts";
import { UNKNOWN } from "./operations-stage.ts";

const ofUnknown = { title: "an unknown moot", request: () => ({ group_id: UNKNOWN }) };
const notFound = { fails: { code: "group_not_found" } } as const;
const STANDARD = formatPolicy(POLICY_PRESETS.standard);
const long = { topics: ["chat"], content: new Uint8Array(9000).fill(97) };

export const POLICY_CASES: CasesOf<typeof POLICY_OPERATIONS> = {
  policy: {
    malformed: { request: '{"group_id":"x"}', names: "group_id" },
    cases: [
      {
        title: "of a moot without limits is none",
        request: ({ group_id }) => ({ group_id }),
        answers: (answer, { group_id }) =>
          expect(answer).toMatchObject({
            group_id,
            name: "none",
            policy: undefined,
            source: "founding",
            founder: true,
          }),
      },
      { ...ofUnknown, ...notFound },
    ],
  },
  policy_change: {
    malformed: { request: '{"group_id":null,"clear":"yes"}', names: "clear" },
    cases: [
      {
        title: "sets a policy, and again says nothing new",
        async request({ group_id, node }) {
          const first = await node.call(policy_change, { group_id, policy: STANDARD });
          expect(first).toMatchObject({ published: true, name: "standard", source: "update" });
          return { group_id, policy: STANDARD };
        },
        async answers(answer, { group_id, node }) {
          expect(answer).toMatchObject({ published: false, policy: STANDARD });
          expect(await node.call(policy, { group_id })).toMatchObject({ name: "standard", sequence: answer.sequence });
        },
      },
      {
        title: "clears it, with a later sequence",
        async request({ group_id, node }) {
          await node.call(policy_change, { group_id, policy: STANDARD });
          return { group_id, clear: true };
        },
        answers: (answer) => expect(answer).toMatchObject({ published: true, name: "none", source: "update" }),
      },
      {
        title: "to neither or both is refused",
        request: ({ group_id }) => ({ group_id, policy: STANDARD, clear: true }),
        fails: { code: "invalid_argument" },
      },
      {
        title: "to what is no policy is refused",
        request: ({ group_id }) => ({ group_id, policy: '{"version":7}' }),
        fails: { code: "malformed_frame" },
      },
      { title: "of an unknown moot", request: () => ({ group_id: UNKNOWN, clear: true }), ...notFound },
    ],
  },
  policy_explain: {
    malformed: { request: '{"message_id":"x"}', names: "message_id" },
    cases: [
      {
        title: "names the rule that a draft is past",
        async request({ group_id, node }) {
          await node.call(policy_change, { group_id, policy: STANDARD });
          return { group_id, draft: long };
        },
        answers: (answer) =>
          expect(answer).toMatchObject({ state: "refused", refused_by: "max_message_bytes", retry: "policy" }),
      },
      {
        title: "says when there is room again, and charges nothing",
        async request({ group_id, node, publish }) {
          await node.call(policy_change, { group_id, policy: STANDARD });
          await publish(...Array.from({ length: 12 }, (_, n) => `${n}`));
          return { draft: { topics: ["chat"], content: encodeUtf8("more") } };
        },
        answers(answer) {
          expect(answer).toMatchObject({ state: "refused", refused_by: "message_rate_per_author", retry: "at" });
          expect(Number(answer.retry_at_ms)).toBeGreaterThan(Date.now());
        },
      },
      {
        title: "says of a message that is held until when it is",
        async request({ group_id, node, publish }) {
          await node.call(policy_change, { group_id, policy: STANDARD });
          const [row] = (await publish("hello")).slice(-1);
          return { message_id: row!.message.id };
        },
        answers: (answer) =>
          expect(answer).toMatchObject({ state: "held", retry: "now", removed_at_ms: expect.any(BigInt) }),
      },
      {
        title: "allows a draft that is short enough",
        async request({ group_id, node }) {
          await node.call(policy_change, { group_id, policy: STANDARD });
          return { group_id, draft: { ...long, content: encodeUtf8("short") } };
        },
        answers: (answer) => expect(answer).toMatchObject({ state: "allowed", retry: "now", refused_by: undefined }),
      },
      {
        title: "of nothing is refused",
        request: ({ group_id }) => ({ group_id }),
        fails: { code: "invalid_argument" },
      },
      {
        title: "of a message that never came",
        request: ({ group_id }) => ({ group_id, message_id: MessageId.fromBytes(new Uint8Array(32).fill(3)) }),
        fails: { code: "not_found" },
      },
    ],
  },
};
