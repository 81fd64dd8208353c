import { expect, test } from "bun:test";
import { getEventListeners } from "node:events";
import { atMost, Deadline, pause, settleOrAbort, unlessAborted } from "../../src/transport/wait.ts";
import { ManualClock } from "../support/manual-clock.ts";

test("a deadline ends by its time, by its parent, and not once it is disposed", () => {
  const clock = new ManualClock();
  using soon = new Deadline(clock, 10);
  clock.advance(9);
  expect(soon.signal.aborted).toBeFalse();
  clock.advance(1);
  expect(soon.signal.reason).toMatchObject({ code: "timeout" });

  const parent = new AbortController();
  using child = new Deadline(clock, 60_000, undefined, parent.signal);
  parent.abort(new Error("over"));
  expect(child.signal.reason).toMatchObject({ message: "over" });
  expect(new Deadline(clock, 60_000, parent.signal).signal.aborted).toBeTrue();

  const other = new AbortController();
  const disposed = new Deadline(clock, 60_000, other.signal);
  disposed[Symbol.dispose]();
  other.abort();
  clock.advance(60_000);
  expect(disposed.signal.aborted).toBeFalse();
  expect(clock.waiting).toBe(0);
});

test("what is done in time is given, what is late or called off is not waited for, and no timer is left", async () => {
  const clock = new ManualClock();
  expect(await atMost(clock, 10, Promise.resolve("done"))).toBe("done");
  await expect(atMost(clock, 10, Promise.reject(new Error("broken")))).rejects.toThrow("broken");
  const never = new Promise<string>(() => {});
  const late = atMost(clock, 10, never);
  clock.advance(10);
  expect(await late).toBeUndefined();
  const callOff = new AbortController();
  const calledOff = atMost(clock, 10, never, callOff.signal);
  callOff.abort();
  expect(await calledOff).toBeUndefined();
  expect(clock.waiting).toBe(0);
});

test("work that fails after it was given up on is nobody's failure", async () => {
  const clock = new ManualClock();
  const work = Promise.withResolvers<void>();
  const late = atMost(clock, 10, work.promise);
  clock.advance(10);
  await late;
  const aborted = settleOrAbort(work.promise, { signal: AbortSignal.abort(), subject: "work" });
  await expect(aborted).rejects.toMatchObject({ code: "timeout", message: "work: no answer in the time allowed" });
  work.reject(new Error("too late"));
  await new Promise(setImmediate);
});

test("a pause is over at its time or when it is called off, also before it began", async () => {
  const clock = new ManualClock();
  let over = 0;
  const paused = pause(clock, 10).then(() => over++);
  clock.advance(9);
  await new Promise(setImmediate);
  expect(over).toBe(0);
  clock.advance(1);
  await paused;
  await pause(clock, 10, AbortSignal.abort());
  expect([over, clock.waiting]).toEqual([1, 0]);
});

test("a signal that lasts keeps nothing of the work that was done before it aborted", async () => {
  const lasting = new AbortController();
  for (let n = 0; n < 100; n++) expect(await unlessAborted(Promise.resolve(n), lasting.signal)).toBe(n);
  await expect(unlessAborted(Promise.reject(new Error("broken")), lasting.signal)).rejects.toThrow("broken");
  await new Promise(setImmediate);
  expect(getEventListeners(lasting.signal, "abort")).toEqual([]);
  const late = unlessAborted(new Promise(() => {}), lasting.signal);
  lasting.abort();
  expect(await late).toBeUndefined();
  expect(await unlessAborted(Promise.resolve("done"), lasting.signal)).toBe("done");
  expect(await unlessAborted(Promise.resolve("done"), undefined)).toBe("done");
});
