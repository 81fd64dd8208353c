import { Database } from "bun:sqlite";
import { expect, test } from "bun:test";
import { copyFileSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { type Clock, steadyMs } from "../../src/core/clock.ts";
import type { GroupId } from "../../src/core/ids.ts";
import { realClock } from "../../src/host/real-clock.ts";
import { status } from "../../src/node/operations/daemon.ts";
import { group_create } from "../../src/node/operations/moots.ts";
import { groupDirectoryName } from "../../src/store/group-directory.ts";
import { SqliteDataRoot } from "../../src/store/sqlite/sqlite-data-root.ts";
import { identity } from "../support/identity.ts";
import { LARGE_MOOT, layLargeMoot } from "../support/large-moot.ts";
import { ManualClock } from "../support/manual-clock.ts";
import { OPEN_GROUP, startNode } from "../support/nodes.ts";
import { TemporaryDirectory } from "../support/temporary-directory.ts";

const fact = (name: string) => `INSERT OR REPLACE INTO facts (name, value) VALUES ('${name}', 'no such thing')`;

/** What only shows once the database is open and the moot begins. */
const BROKEN: readonly [string, string][] = [
  ["a policy that is none", fact("policy")],
  ["a place of pruning that is none", fact("pruned_to_ms")],
  ["a roster that does not hold", "UPDATE roster SET canonical = CAST('{}' AS BLOB)"],
];

/** Advances the clock, and goes on until what was begun then and waits for its turn is over. */
async function after(clock: ManualClock, ms: number): Promise<void> {
  clock.advance(ms);
  for (let round = 0; round < 10; round++) {
    await new Promise(setImmediate);
    clock.advance(1);
  }
}

test.each(BROKEN)("a moot with %s is opened once it is mended, in place or by another file", async (_, sql) => {
  using directory = new TemporaryDirectory();
  const path = join(directory.path, "root");
  const clock = new ManualClock();
  const start = () => startNode(undefined, 1, { root: SqliteDataRoot.open(path, "write"), clock });
  let group_id: GroupId;
  {
    await using node = await start();
    ({ group_id } = await node.call(group_create, OPEN_GROUP));
  }
  const file = join(path, "groups", groupDirectoryName(group_id), "moot.sqlite");
  const backup = join(directory.path, "backup.sqlite");
  copyFileSync(file, backup);
  {
    using db = new Database(file);
    expect(db.run(sql).changes).toBe(1);
  }
  await using node = await start();
  const found = async () => {
    const { groups, unopened } = await node.call(status, {});
    return [groups.length, unopened.length];
  };
  expect(await found()).toEqual([0, 1]);
  await after(clock, 1_000);
  expect(await found()).toEqual([0, 1]);
  for (const suffix of ["-wal", "-shm"]) rmSync(file + suffix, { force: true });
  renameSync(backup, file);
  await after(clock, 2_000);
  expect(await found()).toEqual([1, 0]);
});

test("a moot that is opened while others are served has its roster verified in turns", async () => {
  using directory = new TemporaryDirectory();
  const [founder] = [identity(1)];
  layLargeMoot(directory.path, { founder, members: [], messages: 0, silent: 60 });
  const file = join(directory.path, "groups", groupDirectoryName(LARGE_MOOT), "moot.sqlite");
  const run = (sql: string) => {
    using db = new Database(file);
    db.run(sql);
  };
  run(fact("policy"));
  let now = 0;
  let tryAgain = () => {};
  // Each look at the clock takes a millisecond, of which a turn has five.
  const clock: Clock = {
    ...realClock,
    steady: () => steadyMs(now++),
    after: (ms, work, options) => {
      if (ms === 1_000) tryAgain = work;
      return realClock.after(ms, work, options);
    },
  };
  await using node = await startNode(undefined, 1, { root: SqliteDataRoot.open(directory.path, "write"), clock });
  run("DELETE FROM facts WHERE name = 'policy'");
  let rounds = 0;
  tryAgain();
  for (; (await node.call(status, {})).groups.length === 0; rounds++) await new Promise(setImmediate);
  expect((await node.call(status, {})).groups[0]).toMatchObject({ members: 61 });
  expect(rounds).toBeGreaterThanOrEqual(10);
});
