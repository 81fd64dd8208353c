import { expect, test } from "bun:test";
import { join } from "node:path";
import { realClock } from "../../src/host/real-clock.ts";
import { holdPlace } from "../../src/update/hold-place.ts";
import { installPlace, lockPlace } from "../../src/update/install-place.ts";
import { TemporaryDirectory } from "../support/temporary-directory.ts";

const placeIn = (installDir: string) => installPlace({ installDir, running: process.execPath, home: "/nowhere" });
const never = () => {
  throw new Error("there was nobody to wait for");
};

test("a held place is refused to an update, and free again afterwards", async () => {
  using directory = new TemporaryDirectory();
  const place = placeIn(directory.path);
  {
    using _lock = await holdPlace(place, {
      clock: realClock,
      waitMs: 0,
      signal: new AbortController().signal,
      onWait: never,
    });
    expect(() => lockPlace(place)).toThrow("another update or installation is under way there");
  }
  lockPlace(place)[Symbol.dispose]();
});

test("whoever comes while an update runs is told once, and served when it is done", async () => {
  using directory = new TemporaryDirectory();
  const place = placeIn(directory.path);
  const update = lockPlace(place);
  let told = 0;
  const held = await holdPlace(place, {
    clock: realClock,
    waitMs: 30_000,
    signal: new AbortController().signal,
    onWait: () => {
      told++;
      update[Symbol.dispose]();
    },
  });
  held[Symbol.dispose]();
  expect(told).toBe(1);
});

test("a wait ends when its time is over, when it is called off, and when there can be no lock", async () => {
  using directory = new TemporaryDirectory();
  const place = placeIn(directory.path);
  using _update = lockPlace(place);
  const { signal } = new AbortController();
  let told = 0;
  const late = holdPlace(place, { clock: realClock, waitMs: 0, signal, onWait: () => told++ });
  await expect(late).rejects.toMatchObject({ code: "update_failed" });
  expect(told).toBe(1);
  const gone = new AbortController();
  const onWait = () => gone.abort(new Error("called off"));
  await expect(holdPlace(place, { clock: realClock, waitMs: 30_000, signal: gone.signal, onWait })).rejects.toThrow(
    "called off",
  );
  const nowhere = placeIn(join(directory.path, "not there"));
  await expect(holdPlace(nowhere, { clock: realClock, waitMs: 30_000, signal, onWait: never })).rejects.toMatchObject({
    code: "update_failed",
  });
});
