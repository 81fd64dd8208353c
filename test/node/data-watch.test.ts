import { expect, test } from "bun:test";
import { EntmootError } from "../../src/core/errors.ts";
import { GroupId } from "../../src/core/ids.ts";
import { createLog } from "../../src/host/log.ts";
import { DataWatch } from "../../src/node/data-watch.ts";
import { ManualClock } from "../support/manual-clock.ts";

/** What a look costs at most is one for each of so many moots. */
const MOOTS = 600;
const fault = (message: string) => new EntmootError("data_root_invalid", message);

function stage() {
  const lines: string[] = [];
  const clock = new ManualClock();
  const lost = new Set<number>();
  const looked: number[] = [];
  const it = { lines, clock, lost, looked, faults: [] as EntmootError[], isGone: false, tell: (_: EntmootError) => {} };
  const groups = Array.from({ length: MOOTS }, (_, n) => ({
    id: GroupId.fromBytes(new Uint8Array(32).fill(n % 256).fill(n >> 8, 0, 1)),
    store: {
      requireSame() {
        looked.push(n);
        if (lost.has(n)) throw fault(`moot ${n} is gone`);
      },
    },
  }));
  const write = (line: string) => {
    lines.push(/level=(\w+) msg="?(.*?)"?\n/.exec(line)!.slice(1).join(" "));
  };
  const watch = new DataWatch({
    clock,
    log: createLog("info", { write, now: () => new Date(0) }),
    root: {
      look: () => ({ faults: it.faults, isGone: it.isGone }),
      onRefused(told) {
        it.tell = told;
      },
    },
    groups: () => groups,
  });
  return Object.assign(it, { watch });
}

test("each thing is one line when it is found and one when it is over, whoever finds it and however often", () => {
  const it = stage();
  it.watch.start();
  const full = fault("no room");
  it.tell(full);
  it.tell(full);
  it.faults = [full];
  expect(it.watch.faults()).toEqual([full]);
  it.clock.advance(10_000);
  expect(it.lines).toEqual(["ERROR data root: no room"]);
  it.faults = [];
  it.clock.advance(10_000);
  expect(it.lines).toEqual(["ERROR data root: no room", "INFO data root: well again"]);
  it.tell(full);
  expect(it.lines).toHaveLength(3);
});

test("all moots have their turn, and where a folder is gone nothing is said of those in it", () => {
  const it = stage();
  it.watch.start();
  it.clock.advance(6_000);
  expect(new Set(it.looked).size).toBe(MOOTS);
  expect(it.looked.length).toBeLessThan(2 * MOOTS);
  it.lost.add(599);
  it.clock.advance(6_000);
  it.clock.advance(6_000);
  expect(it.lines).toEqual([expect.stringMatching(/^ERROR group \S+: moot 599 is gone$/)]);
  it.lost.clear();
  it.clock.advance(6_000);
  expect(it.lines.slice(1)).toEqual([expect.stringMatching(/^INFO group \S+: well again$/)]);
  it.lost.add(599);
  it.faults = [fault("groups is gone")];
  it.isGone = true;
  it.clock.advance(6_000);
  expect(it.lines.slice(2)).toEqual(["ERROR data root: groups is gone"]);
  it.watch[Symbol.dispose]();
  it.looked.length = 0;
  it.clock.advance(6_000);
  expect(it.looked).toEqual([]);
});
