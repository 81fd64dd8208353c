import { expect, test } from "bun:test";
import { EntmootError } from "../../src/core/errors.ts";
import { GroupId } from "../../src/core/ids.ts";
import { createLog } from "../../src/host/log.ts";
import { UnopenedGroups } from "../../src/node/unopened-groups.ts";
import { ManualClock } from "../support/manual-clock.ts";

const GROUP = GroupId.fromBytes(new Uint8Array(32).fill(1));

test("a group that the data root left out is opened once it is there again", async () => {
  const clock = new ManualClock();
  // As a data root is: looking at the groups anew is what takes one from those left out.
  const leftOut = new Map([[GROUP, new EntmootError("data_root_invalid", "a pipe")]]);
  let isWhole = false;
  const opened: GroupId[] = [];
  const root = {
    leftOut,
    groupIds() {
      if (!isWhole) return [];
      leftOut.clear();
      return [GROUP];
    },
  };
  const groups = new UnopenedGroups({
    clock,
    log: createLog("error"),
    root,
    open: () => {},
    openInTurns: async (id) => void opened.push(id),
  });
  groups.openAll();
  isWhole = true;
  clock.advance(1_000);
  await new Promise(setImmediate);
  expect(opened).toEqual([GROUP]);
  groups[Symbol.dispose]();
});
