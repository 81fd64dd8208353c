import { expect, test } from "bun:test";
import { cpSync, mkdirSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { SqliteFile } from "../../../src/store/sqlite/sqlite-file.ts";
import { TemporaryDirectory } from "../../support/temporary-directory.ts";

const MIGRATIONS = [{ about: "notes", sql: "CREATE TABLE IF NOT EXISTS notes (text TEXT)" }];
const open = (path: string) => SqliteFile.open(path, { label: "notes", migrations: MIGRATIONS, access: "write" });

test.each([
  ["the file was deleted", (folder: string) => rmSync(join(folder, "a.sqlite")), "it was removed"],
  ["the folder was deleted", (folder: string) => rmSync(folder, { recursive: true }), "it was removed"],
  [
    "a copy of the folder took its place",
    (folder: string) => {
      renameSync(folder, `${folder}.old`);
      cpSync(`${folder}.old`, folder, { recursive: true });
    },
    "another file stands in its place",
  ],
] as const)("once %s nothing that is written is acknowledged, also by a file that was parked", (_what, harm, why) => {
  using directory = new TemporaryDirectory();
  const folder = join(directory.path, "root");
  mkdirSync(folder);
  using file = open(join(folder, "a.sqlite"));
  const insert = file.prepare("INSERT INTO notes VALUES (?)");
  const write = () => file.transact(() => insert.run("x"));
  write();
  file.requireSame();
  harm(folder);
  const refusal = expect.objectContaining({ code: "data_root_invalid", message: expect.stringContaining(why) });
  expect(write).toThrow(refusal);
  expect(write).toThrow(refusal);
  expect(() => file.requireSame()).toThrow(refusal);
  file.park();
  expect(write).toThrow(expect.objectContaining({ code: "data_root_invalid" }));
});
