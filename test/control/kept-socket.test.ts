import { expect, test } from "bun:test";
import { existsSync, mkdirSync, renameSync, symlinkSync, unlinkSync } from "node:fs";
import { join } from "node:path";
import { KeptSocket } from "../../src/control/kept-socket.ts";
import { createLog } from "../../src/host/log.ts";
import { ManualClock } from "../support/manual-clock.ts";
import { until } from "../support/nodes.ts";
import { TemporaryDirectory } from "../support/temporary-directory.ts";

test("whatever stands in the way of a socket is told, and it is bound again once that is gone", async () => {
  using directory = new TemporaryDirectory();
  const folder = join(directory.path, "a");
  mkdirSync(folder);
  const path = join(folder, "control.sock");
  const clock = new ManualClock();
  const warned: string[] = [];
  const log = createLog("warn", { write: (line) => void warned.push(line), now: () => new Date(clock.unix()) });
  using _socket = await KeptSocket.bind({ path, clock, log, opened: (stream) => stream.destroy() });
  renameSync(folder, join(directory.path, "b"));
  // What only the system has a word for.
  symlinkSync(folder, folder);
  const look = async () => {
    clock.advance(1_000);
    // The next look is set once this one is over.
    await until(() => clock.waiting > 0);
  };
  await look();
  expect(warned).toEqual([expect.stringContaining("was removed, and cannot be bound again: ")]);
  await look();
  expect(warned).toHaveLength(1);
  unlinkSync(folder);
  renameSync(join(directory.path, "b"), folder);
  unlinkSync(path);
  await look();
  expect(existsSync(path)).toBeTrue();
  expect(warned).toEqual([expect.anything(), expect.stringContaining("was removed; it is bound again")]);
});
