import { expect, test } from "bun:test";
import { unixMs } from "../../../src/core/clock.ts";
import { GroupId, MessageId } from "../../../src/core/ids.ts";
import { newDelivery } from "../../../src/machine/delivery.ts";
import { AgentListener } from "../../../src/node/agents/listener.ts";
import { Seeking } from "../../../src/node/agents/seeking.ts";
import type { HandedTo, LedgerRow } from "../../../src/store/agent-store.ts";
import { ManualClock } from "../../support/manual-clock.ts";

const OURS: HandedTo = { host: "claude", instance: "home", agent: "claude 1" };
const WAIT_MS = 5_000;

function rowOf(handedTo: HandedTo | undefined): LedgerRow {
  const delivery = { ...newDelivery({ asks: true, untilMs: 9 }, 1), state: "handed" as const };
  return { ...delivery, groupId: GroupId.zero, messageId: MessageId.zero, seq: 1, author: undefined, handedTo };
}

function listener(changes: Partial<HandedTo> & { readonly can_look?: boolean } = {}): AgentListener {
  const request = { ...OURS, door: "test", can_wake: true, can_look: true, group_id: undefined, ...changes };
  return new AgentListener(request, unixMs(0));
}

/** After how long each of them is asked about what `OURS` was given; never where it is not. */
function askedAfter(who: AgentListener, prepare: (seeking: Seeking, clock: ManualClock) => void, row = rowOf(OURS)) {
  const clock = new ManualClock();
  const seeking = new Seeking(clock);
  prepare(seeking, clock);
  const { againMs, sought } = seeking.of(who, [row]);
  return sought.length > 0 ? 0 : againMs;
}

const long = (_: Seeking, clock: ManualClock) => clock.advance(3_600_000);
const NEVER = Number.POSITIVE_INFINITY;

test("only who sees the records of the host that was handed it is ever asked", () => {
  expect(askedAfter(listener(), long)).toBe(0);
  expect(askedAfter(listener({ agent: "claude 2" }), long)).toBe(0);
  expect(askedAfter(listener({ host: "codex" }), long)).toBe(NEVER);
  expect(askedAfter(listener({ instance: "another home" }), long)).toBe(NEVER);
  expect(askedAfter(listener({ can_look: false }), long)).toBe(NEVER);
  expect(askedAfter(listener(), long, rowOf(undefined))).toBe(NEVER);
});

test("the agent that had it is asked at once, another after its time, and nobody just when it may be given", () => {
  const left = (seeking: Seeking, clock: ManualClock) => {
    clock.advance(60_000);
    seeking.left(MessageId.zero);
  };
  expect(askedAfter(listener(), left)).toBe(0);
  expect(askedAfter(listener({ agent: "claude 2" }), left)).toBe(WAIT_MS);
  const given = (seeking: Seeking, clock: ManualClock) => {
    clock.advance(60_000);
    seeking.giving(MessageId.zero);
    clock.advance(1_000);
    seeking.left(MessageId.zero);
  };
  expect(askedAfter(listener(), given)).toBe(WAIT_MS - 1_000);
  expect(askedAfter(listener({ agent: "claude 2" }), given)).toBe(WAIT_MS);
  // What was said to the node of before is not known to this one.
  expect(askedAfter(listener(), () => {})).toBe(WAIT_MS);
});
