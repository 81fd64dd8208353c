import { expect, test } from "bun:test";
import { mkdirSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { EntmootError } from "../../src/core/errors.ts";
import { DiskRoom } from "../../src/store/disk-room.ts";
import { TemporaryDirectory } from "../support/temporary-directory.ts";

const FULL = new EntmootError("disk_full", "x: no room left to write");

test("a write that finds no room is told at once, and after it one is tried where there seems to be room", () => {
  using directory = new TemporaryDirectory();
  const told: string[] = [];
  const room = new DiskRoom(directory.path, ({ message }) => told.push(message));
  room.noteFailure(new EntmootError("data_root_invalid", "x: damaged"));
  expect(told).toEqual([]);
  room.noteFailure(FULL);
  expect(told).toEqual([expect.stringContaining(`${directory.path}: no room is left`)]);
  // What stands where it is tried keeps it from being written.
  const tried = join(directory.path, "node.room");
  mkdirSync(join(tried, "in the way"), { recursive: true });
  expect(room.look()).toMatchObject({ message: expect.stringContaining(tried) });
  expect(room.look()).toBeDefined();
  rmSync(tried, { recursive: true });
  expect(room.look()).toBeUndefined();
  expect(readdirSync(directory.path)).toEqual([]);
});

test("where no write was refused nothing is written, and a folder that is gone is for others to tell", () => {
  using directory = new TemporaryDirectory();
  const room = new DiskRoom(directory.path, () => {});
  mkdirSync(join(directory.path, "node.room"));
  expect(room.look()).toBeUndefined();
  rmSync(directory.path, { recursive: true });
  expect(room.look()).toBeUndefined();
});
