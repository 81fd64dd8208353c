import { expect, test } from "bun:test";
import { later, type SteadyMs, type UnixMs } from "../../../src/core/clock.ts";
import { GroupId, MessageId } from "../../../src/core/ids.ts";
import { AgentListener } from "../../../src/node/agents/listener.ts";

const groupId = GroupId.fromBytes(new Uint8Array(32).fill(1));
const START = 1_000_000 as SteadyMs;
const TURN = { beganMs: 1_780_000_000_000 as UnixMs, rows: [] };

function listener(): AgentListener {
  const request = { agent: "elm", host: "test", door: "test", can_wake: true, can_look: true };
  return new AgentListener({ ...request, group_id: undefined, instance: undefined }, TURN.beganMs);
}

/** It is handed so many messages, and takes none of them. */
function takesNone(of: AgentListener, messages: number, now: SteadyMs, isFault = false) {
  const ids = Array.from({ length: messages }, (_, n) => MessageId.fromBytes(new Uint8Array(32).fill(n)));
  for (const messageId of ids) of.inHand.set(messageId, { groupId, messageId, token: 1, isSought: false });
  of.began(TURN);
  return ids.map((id) => {
    of.inHand.delete(id);
    return of.tookNone(now, { isFault });
  });
}

test("a turn of sixteen messages that was none is one, and its host is tried again as soon as after a turn of one", () => {
  const busy = listener();
  expect(takesNone(busy, 16, START).filter((turn) => turn !== undefined)).toEqual([TURN]);
  expect(busy.notBefore).toBe(later(START, 2_000));
});

test("one that is busy is waited for, one that took nothing again and again is passed over while it is left alone", () => {
  const busy = listener();
  const over = [1, 2, 3, 4].map(() => {
    takesNone(busy, 1, busy.notBefore ?? START);
    return busy.isPassedOver(later(busy.notBefore!, -1));
  });
  expect(over).toEqual([false, false, true, true]);
  expect(busy.isPassedOver(busy.notBefore!)).toBe(false);
  busy.took();
  expect(takesNone(busy, 1, START)).toEqual([TURN]);
  expect(busy.isPassedOver(START)).toBe(false);
});

test("one whose way failed is passed over at once", () => {
  const failing = listener();
  takesNone(failing, 2, START, true);
  expect(failing.isPassedOver(START)).toBe(true);
});
