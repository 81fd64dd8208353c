import { Database } from "bun:sqlite";
import { expect, test } from "bun:test";
import { join } from "node:path";
import { encodeUtf8 } from "../../../src/core/bytes/utf8.ts";
import type { GroupId } from "../../../src/core/ids.ts";
import { verify } from "../../../src/node/operations/care.ts";
import { publish } from "../../../src/node/operations/messages.ts";
import { group_create } from "../../../src/node/operations/moots.ts";
import { groupDirectoryName } from "../../../src/store/group-directory.ts";
import { SqliteDataRoot } from "../../../src/store/sqlite/sqlite-data-root.ts";
import { OPEN_GROUP, startNode } from "../../support/nodes.ts";
import { TemporaryDirectory } from "../../support/temporary-directory.ts";

const open = (path: string) => startNode(undefined, 1, { root: SqliteDataRoot.open(path, "write") });

async function laid(path: string): Promise<GroupId> {
  await using node = await open(path);
  const { group_id } = await node.call(group_create, { ...OPEN_GROUP, name: "council" });
  for (const word of ["one", "two", "three", "four"]) {
    await node.call(publish, { group_id, topics: ["chat"], content: encodeUtf8(word) });
  }
  return group_id;
}

/** One statement on the database of a moot, whose daemon has ended. */
const DAMAGES = {
  "a signature that was changed": [
    'UPDATE messages SET canonical = CAST(replace(CAST(canonical AS TEXT), \'"signature":"\', \'"signature":"AAAA\') AS BLOB) WHERE seq = 2',
    "message",
  ],
  "words that were changed": [
    "UPDATE messages SET canonical = CAST(replace(CAST(canonical AS TEXT), '\"b25l\"', '\"dHdv\"') AS BLOB) WHERE seq = 1",
    "message",
  ],
  "a time that was changed beside the message": [
    "UPDATE messages SET timestamp = timestamp - 5000 WHERE seq = 3",
    "index",
  ],
  "a message under the id of another": [
    "UPDATE messages SET canonical = (SELECT canonical FROM messages WHERE seq = 2) WHERE seq = 1",
    "message",
  ],
  "a root that was changed": ["UPDATE counts SET root = zeroblob(32)", "root"],
  "a message that is no message": ["UPDATE messages SET canonical = x'7b7d' WHERE seq = 4", "message"],
} as const;

test.each(Object.keys(DAMAGES) as (keyof typeof DAMAGES)[])("%s is named", async (which) => {
  using folder = new TemporaryDirectory();
  const group_id = await laid(folder.path);
  {
    await using node = await open(folder.path);
    expect((await node.call(verify, {})).moots).toMatchObject([
      { group_id, name: "council", sound: true, entries: 1, messages: 4, faults: [], more_faults: 0 },
    ]);
  }
  const [sql, what] = DAMAGES[which];
  using db = new Database(join(folder.path, "groups", groupDirectoryName(group_id), "moot.sqlite"));
  db.run(sql);
  db.close();
  await using node = await open(folder.path);
  const [moot] = (await node.call(verify, { group_id })).moots;
  expect(moot!.sound).toBe(false);
  expect(moot!.faults.map((fault) => fault.what)).toContain(what);
});

test("a moot that cannot be opened is told of, beside those that are sound", async () => {
  using folder = new TemporaryDirectory();
  const group_id = await laid(folder.path);
  await laid(folder.path);
  await Bun.write(join(folder.path, "groups", groupDirectoryName(group_id), "moot.sqlite"), "x".repeat(8192));
  await using node = await open(folder.path);
  const { moots } = await node.call(verify, {});
  expect(moots).toMatchObject([
    { group_id, sound: false, faults: [{ what: "unreadable", fault: expect.stringContaining("moot.sqlite") }] },
    { sound: true },
  ]);
});
