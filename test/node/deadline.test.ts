import { expect, test } from "bun:test";
import { Deadline } from "../../src/node/deadline.ts";

test("a deadline ends by its time, by its parent, and not once it is disposed", async () => {
  using soon = new Deadline(1);
  await new Promise((resolve) => soon.signal.addEventListener("abort", resolve));
  expect(soon.signal.reason).toMatchObject({ code: "timeout" });

  const parent = new AbortController();
  using child = new Deadline(60_000, parent.signal);
  parent.abort(new Error("over"));
  expect(child.signal.reason).toMatchObject({ message: "over" });
  expect(new Deadline(60_000, parent.signal).signal.aborted).toBeTrue();

  const later = new AbortController();
  const disposed = new Deadline(60_000, later.signal);
  disposed[Symbol.dispose]();
  later.abort();
  expect(disposed.signal.aborted).toBeFalse();
});
