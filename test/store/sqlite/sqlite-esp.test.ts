import { Database } from "bun:sqlite";
import { expect, test } from "bun:test";
import { existsSync, statSync } from "node:fs";
import { join } from "node:path";
import { unixMs } from "../../../src/core/clock.ts";
import { GroupId } from "../../../src/core/ids.ts";
import { usersOfOriginal } from "../../../src/store/original/in-use.ts";
import { SqliteEsp } from "../../../src/store/sqlite/sqlite-esp.ts";
import { TemporaryDirectory } from "../../support/temporary-directory.ts";

const NOW = unixMs(1_000_000);
const nonce = (text: string, expires = 2_000_000) => ({ who: "device:a", nonce: text, expiresMs: unixMs(expires) });

test("looking makes no file, writing one that is nobody else's", () => {
  using home = new TemporaryDirectory();
  const path = join(home.path, "esp.sqlite");
  using esp = new SqliteEsp(home.path);
  expect(esp.nonces.valid(NOW, 10)).toEqual([]);
  expect(esp.idempotency.answer({ scope: "s", key: "k" }, NOW)).toBeUndefined();
  expect(esp.metadata.get(GroupId.zero)).toBeUndefined();
  expect(existsSync(path)).toBe(false);
  expect(esp.nonces.use([nonce("a"), nonce("b"), nonce("a")], NOW)).toEqual([true, true, false]);
  expect(statSync(path).mode & 0o777).toBe(0o600);
  expect(esp.nonces.use([nonce("a")], unixMs(1_999_999))).toEqual([false]);
  expect(esp.nonces.use([nonce("a", 3_000_000)], unixMs(2_000_000))).toEqual([true]);
  expect(esp.nonces.valid(NOW, 10)).toHaveLength(1);
});

test("a database of the original's first version gets what is missing, and keeps what it holds", () => {
  using home = new TemporaryDirectory();
  const old = new Database(join(home.path, "esp.sqlite"), { create: true });
  old.run(`CREATE TABLE sign_requests (id TEXT PRIMARY KEY, device_id TEXT NOT NULL, kind TEXT NOT NULL,
    status TEXT NOT NULL, group_id BLOB, payload BLOB NOT NULL, signature TEXT NOT NULL DEFAULT '',
    created_at_ms INTEGER NOT NULL, updated_at_ms INTEGER NOT NULL, expires_at_ms INTEGER NOT NULL DEFAULT 0)`);
  old.run("INSERT INTO sign_requests VALUES ('r', 'd', 'k', 'pending', NULL, x'7b7d', '', 1, 2, 3)");
  old.run("CREATE TABLE esp_group_metadata (group_id BLOB PRIMARY KEY, metadata BLOB NOT NULL, updated_at_ms INTEGER)");
  old.run('INSERT INTO esp_group_metadata VALUES (?, CAST(\'{"name":"n"}\' AS BLOB), 1)', [new Uint8Array(32)]);
  old.close();
  {
    using esp = new SqliteEsp(home.path);
    expect(esp.metadata.get(GroupId.zero)).toBe('{"name":"n"}');
    const times = { nowMs: NOW, expiresMs: unixMs(2_000_000) };
    esp.idempotency.keep({ scope: "s", key: "k", requestHash: "h" }, { status: 202, body: Buffer.from("{}") }, times);
    expect(esp.idempotency.answer({ scope: "s", key: "k" }, NOW)).toMatchObject({ requestHash: "h", status: 202 });
    expect(esp.idempotency.answer({ scope: "s", key: "k" }, unixMs(2_000_000))).toBeUndefined();
  }
  using now = new Database(join(home.path, "esp.sqlite"));
  const row = now.query("SELECT id, signing_payload, publish_result FROM sign_requests").all();
  expect(row).toEqual([{ id: "r", signing_payload: "", publish_result: null }]);
});

test("a process of ours that has it open is not taken for the original", async () => {
  using home = new TemporaryDirectory();
  const program = `const { SqliteEsp } = await import("./src/store/sqlite/sqlite-esp.ts");
    const esp = new SqliteEsp(process.argv[1]);
    esp.nonces.use([{ who: "a", nonce: "b", expiresMs: 1 }], 0);
    console.log("open"); await Bun.stdin.arrayBuffer(); esp[Symbol.dispose]();`;
  const other = Bun.spawn([process.execPath, "-e", program, home.path], { stdin: "pipe", stdout: "pipe" });
  const reader = other.stdout.getReader();
  expect(new TextDecoder().decode((await reader.read()).value)).toBe("open\n");
  expect(usersOfOriginal(home.path)).toEqual([]);
  other.stdin.end();
  expect(await other.exited).toBe(0);
});
