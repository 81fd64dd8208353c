import { expect, test } from "bun:test";
import { EntmootError } from "../../../src/core/errors.ts";
import { POLICY_PRESETS, type Policy } from "../../../src/core/policy/policy.ts";
import { PolicyHistory } from "../../../src/core/policy/policy-history.ts";
import { PolicyPass } from "../../../src/node/group/policy-pass.ts";
import { MemoryGroupStore } from "../../../src/store/memory/memory-group-store.ts";
import { identity } from "../../support/identity.ts";
import { keptMessage } from "../../support/kept-message.ts";
import { ManualClock } from "../../support/manual-clock.ts";
import { GROUP, message } from "../../support/message.ts";
import { until } from "../../support/nodes.ts";
import { roster } from "../../support/roster.ts";

const allowing = (max_message_bytes: bigint): PolicyHistory =>
  new PolicyHistory({ ...POLICY_PRESETS.standard, max_message_bytes } satisfies Policy);

function world(sizes: readonly number[]) {
  const { messages } = new MemoryGroupStore(GROUP);
  messages.putMany(
    sizes.map((size, n) => keptMessage(message({ timestamp: BigInt(n), content: new Uint8Array(size) }))),
  );
  const policy = { history: allowing(100n), forgetSpending() {} };
  const clock = new ManualClock();
  let done = 0;
  const pass = new PolicyPass({
    messages,
    policy,
    roster: { log: roster([identity(1)]) },
    clock,
    onDone: () => {
      done += 1;
    },
  });
  return { messages, policy, clock, pass, passes: () => done };
}

test("goes through all that is held, however much of it is too large, and leaves the rest", async () => {
  const { messages, pass, passes } = world(Array.from({ length: 200 }, (_, n) => (n % 4 === 0 ? 5 : 200)));
  pass.start();
  await until(() => passes() === 1);
  expect(messages.size).toBe(50);
});

test("begins again when the policies change meanwhile", async () => {
  const { messages, pass, passes, policy } = world(Array.from({ length: 200 }, (_, n) => n + 1));
  const { shed } = messages;
  messages.shed = (ids) => {
    policy.history = allowing(50n);
    return shed.call(messages, ids);
  };
  pass.start();
  await until(() => passes() === 1);
  expect(messages.size).toBe(50);
});

test("what could not be written is tried again", async () => {
  const { clock, messages, pass, passes } = world([5, 200]);
  const { shed } = messages;
  messages.shed = () => {
    throw new EntmootError("disk_full", "no room");
  };
  pass.start();
  await until(() => clock.waiting === 1);
  messages.shed = shed.bind(messages);
  clock.advance(30_000);
  await until(() => passes() === 1);
  expect(messages.size).toBe(1);
});

test("does nothing after it was closed", () => {
  const { clock, pass } = world([200]);
  pass.close();
  pass.start();
  expect(clock.waiting).toBe(0);
});
