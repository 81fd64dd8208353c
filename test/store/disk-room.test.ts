import { expect, test } from "bun:test";
import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { EntmootError } from "../../src/core/errors.ts";
import { DiskRoom } from "../../src/store/disk-room.ts";
import { StoreBusy } from "../../src/store/store-failures.ts";
import { TemporaryDirectory } from "../support/temporary-directory.ts";

const FULL = new EntmootError("disk_full", "x: no room left to write");
const REFUSED = new EntmootError("data_root_invalid", "x: the system refuses to write it");

function stage(path: string) {
  const told: string[] = [];
  const room = new DiskRoom(path, ({ message }) => told.push(message));
  return { room, told };
}

test("what the disk refuses is told at once, and tried again by each look until it is written", () => {
  using directory = new TemporaryDirectory();
  const { room, told } = stage(directory.path);
  let refusal: EntmootError | undefined = REFUSED;
  const file = {
    tryWriting() {
      if (refusal === REFUSED) room.noteRefused(file, refusal);
      if (refusal !== undefined) throw refusal;
    },
  };
  expect(room.look({ again: true })).toEqual([]);
  room.noteRefused(file, REFUSED);
  expect(told).toEqual([REFUSED.message]);
  expect([room.look({ again: true }), room.look({ again: true })]).toEqual([[REFUSED], [REFUSED]]);
  refusal = undefined;
  expect(room.look({ again: false })).toEqual([REFUSED]);
  // Nobody knows yet.
  refusal = new StoreBusy("x");
  expect(room.look({ again: true })).toEqual([REFUSED]);
  refusal = undefined;
  expect(room.look({ again: true })).toEqual([]);
  room.noteRefused(file, FULL);
  expect(told.at(-1)).toContain(`${directory.path}: no room is left`);
  room.forget(file);
  expect(room.look({ again: true })).toEqual([]);
});

test("many that were refused for one reason are one reason, and are tried a few at a time", () => {
  using directory = new TemporaryDirectory();
  const { room } = stage(directory.path);
  let tried = 0;
  for (let n = 0; n < 10; n++) room.noteRefused({ tryWriting: () => void tried++ }, FULL);
  expect(room.look({ again: true })).toHaveLength(1);
  expect(tried).toBeLessThan(10);
  room.look({ again: true });
  expect(room.look({ again: true })).toEqual([]);
  expect(tried).toBe(10);
});

test("a folder that is gone is for others to tell", () => {
  using directory = new TemporaryDirectory();
  const path = join(directory.path, "gone");
  mkdirSync(path);
  const { room } = stage(path);
  rmSync(path, { recursive: true });
  expect(room.look({ again: true })).toEqual([]);
});
