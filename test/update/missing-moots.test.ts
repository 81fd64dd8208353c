import { expect, test } from "bun:test";
import { EntmootError } from "../../src/core/errors.ts";
import { GroupId } from "../../src/core/ids.ts";
import { mootStatuses } from "../../src/node/node-status.ts";
import { OutOfFiles, StoreBusy } from "../../src/store/store-failures.ts";
import { missingMoots } from "../../src/update/running-daemon.ts";

test("a moot that is held or has no file left for it is not lost by a release, one that is damaged is", () => {
  const [held, noFiles, damaged, gone] = [1, 2, 3, 4].map((n) => GroupId.fromBytes(new Uint8Array(32).fill(n))) as [
    GroupId,
    GroupId,
    GroupId,
    GroupId,
  ];
  const unopened = new Map<GroupId, EntmootError>([
    [held, new StoreBusy("/moot.sqlite")],
    [noFiles, new OutOfFiles("/moot.sqlite")],
    [damaged, new EntmootError("data_root_invalid", "not a sound SQLite database")],
  ]);
  const found = mootStatuses([], { isRunning: true, unopened, nameOf: () => undefined });
  expect(missingMoots([held, noFiles, damaged, gone], found)).toEqual([damaged, gone]);
});
