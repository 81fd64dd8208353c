import { expect, test } from "bun:test";
import { ChangeSignal } from "../../src/node/change-signal.ts";

test("who looked before a change is woken at once, who waits by it, and who gives up is not kept", async () => {
  const changed = new ChangeSignal();
  const before = changed.version;
  changed.notify();
  await changed.after(before, new AbortController().signal);
  const leaving = new AbortController();
  const left = Array.from({ length: 100 }, () => changed.after(changed.version, leaving.signal));
  const staying = changed.after(changed.version, new AbortController().signal);
  expect(changed.waiting).toBe(101);
  leaving.abort();
  await Promise.all(left);
  expect(changed.waiting).toBe(1);
  changed.notify();
  await staying;
  expect(changed.waiting).toBe(0);
});
