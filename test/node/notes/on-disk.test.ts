import { expect, test } from "bun:test";
import { join } from "node:path";
import { inbox_read } from "../../../src/node/operations/inbox.ts";
import { receipts } from "../../../src/node/operations/receipts.ts";
import { SqliteDataRoot } from "../../../src/store/sqlite/sqlite-data-root.ts";
import { NoteWorld } from "../../support/note-world.ts";
import { TemporaryDirectory } from "../../support/temporary-directory.ts";

test("what became of a message is kept on the disks of both sides", async () => {
  using directory = new TemporaryDirectory();
  const open = (n: number) => SqliteDataRoot.open(join(directory.path, `${n}`), "write");
  await using world = await NoteWorld.of(2, { root: open });
  const id = await world.say(1, "@n2 are you there?");
  const state = async () => (await world.node(1).call(receipts, { message_id: id })).rows[0]!.readers[0]!.state;
  await world.until(() => world.has(2, id));
  await world.passing(world.node(2).call(inbox_read, { message_id: id }));
  await world.until(async () => (await state()) === "read");
  expect(await state()).toBe("read");
});
