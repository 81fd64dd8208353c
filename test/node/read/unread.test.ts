import { Database } from "bun:sqlite";
import { expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { GroupId } from "../../../src/core/ids.ts";
import { realClock } from "../../../src/host/real-clock.ts";
import { backlog, messages, type WatchEvent, watch } from "../../../src/node/operations/messages.ts";
import { LocalReader } from "../../../src/node/read/local-reader.ts";
import { groupDirectoryName } from "../../../src/store/group-directory.ts";
import { SqliteDataRoot } from "../../../src/store/sqlite/sqlite-data-root.ts";
import { until } from "../../support/nodes.ts";
import { TemporaryDirectory } from "../../support/temporary-directory.ts";
import { newMoot, nodeWithMoot, timesOf } from "./held.ts";

/** A node with a moot whose second message is damaged, and a sound one, each with three messages. */
async function damagedAndSound(path: string) {
  const damaged = await nodeWithMoot({ root: SqliteDataRoot.open(path, "write") });
  const { node, group_id } = damaged;
  const sound = await newMoot(node);
  for (const at of [1, 3, 5]) await damaged.put(at);
  for (const at of [2, 4, 6]) await sound.put(at);
  using db = new Database(join(path, "groups", groupDirectoryName(group_id), "moot.sqlite"));
  db.run("UPDATE messages SET canonical = x'00' WHERE seq = 2");
  return { node, damaged, sound, [Symbol.asyncDispose]: () => node.close() };
}

const named = (id: GroupId) => `group ${GroupId.toBase64(id)}: message 2 is damaged in the database`;

test("a message that cannot be read leaves out its moot, which is named, and silences no other in a backlog", async () => {
  using directory = new TemporaryDirectory();
  await using it = await damagedAndSound(directory.path);
  for (const last of ["all", 10] as const) {
    const rows: Parameters<typeof timesOf>[0][number][] = [];
    const onEvent = (row: (typeof rows)[number]) => void rows.push(row);
    const { places, unread } = await it.node.call(backlog, { topic: "#", last }, { onEvent });
    expect(timesOf(rows.filter(({ group_id }) => group_id === it.sound.group_id))).toEqual([2, 4, 6]);
    expect(unread).toEqual([
      { group_id: it.damaged.group_id, reason: expect.stringContaining(named(it.damaged.group_id)) },
    ]);
    expect(places).toHaveLength(2);
  }
});

test("a moot whose database is damaged is named in a backlog without a daemon, and the others are told", async () => {
  using directory = new TemporaryDirectory();
  let ids: GroupId[];
  {
    await using it = await damagedAndSound(directory.path);
    ids = [it.damaged.group_id, it.sound.group_id];
  }
  const [bad] = ids as [GroupId, GroupId];
  const file = join(directory.path, "groups", groupDirectoryName(bad), "moot.sqlite");
  writeFileSync(file, "this is no database".repeat(500));
  await using reader = new LocalReader(SqliteDataRoot.open(directory.path, "read"), {
    clock: realClock,
    local: () => undefined,
  });
  const times: bigint[] = [];
  const { unread } = await reader.call(
    backlog,
    { topic: "#", last: "all" },
    { onEvent: ({ message }) => void times.push(message.timestamp) },
  );
  expect(times).toEqual([2n, 4n, 6n]);
  expect(unread).toEqual([{ group_id: bad, reason: expect.stringContaining(file) }]);
});

test("asked for by name, a moot with such a message is refused with what is wrong where", async () => {
  using directory = new TemporaryDirectory();
  await using it = await damagedAndSound(directory.path);
  const { group_id } = it.damaged;
  const asked = it.node.call(backlog, { topic: "#", last: "all", group_id }, { onEvent() {} });
  await expect(asked).rejects.toMatchObject({
    code: "data_root_invalid",
    message: expect.stringContaining(named(group_id)),
  });
  await expect(it.node.call(messages, { group_id })).rejects.toThrow("message 2 is damaged in the database");
});

test("a watch tells of such a moot once and goes on with the others, and with it once it can be read", async () => {
  using directory = new TemporaryDirectory();
  await using it = await damagedAndSound(directory.path);
  const ended = new AbortController();
  const told: WatchEvent[] = [];
  const watching = it.node.call(
    watch,
    { topic: "#", after: [] },
    { signal: ended.signal, onEvent: (event) => void told.push(event) },
  );
  const times = (of: GroupId) =>
    timesOf(told.flatMap((event) => (event.kind === "message" && event.group_id === of ? [event] : [])));
  await until(() => times(it.sound.group_id).length === 3);
  await it.sound.put(8);
  await until(() => times(it.sound.group_id).length === 4);
  expect(times(it.damaged.group_id)).toEqual([1]);
  expect(told.filter(({ kind }) => kind === "unread")).toEqual([
    { kind: "unread", group_id: it.damaged.group_id, reason: expect.stringContaining(named(it.damaged.group_id)) },
  ]);
  {
    using db = new Database(join(directory.path, "groups", groupDirectoryName(it.damaged.group_id), "moot.sqlite"));
    db.run("UPDATE messages SET canonical = (SELECT canonical FROM messages WHERE seq = 1) WHERE seq = 2");
  }
  await it.sound.put(9);
  await until(() => times(it.damaged.group_id).length === 3);
  ended.abort();
  await watching.catch(() => {});
});
