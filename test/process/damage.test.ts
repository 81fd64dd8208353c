import { Database } from "bun:sqlite";
import { expect, test } from "bun:test";
import {
  appendFileSync,
  closeSync,
  existsSync,
  openSync,
  readFileSync,
  rmSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { join, resolve } from "node:path";
import { DaemonNode } from "../support/daemon.ts";
import { inNetns } from "../support/netns.ts";
import { TemporaryDirectory } from "../support/temporary-directory.ts";

const VECTORS = resolve(import.meta.dir, "../vectors/store");

/** What happens to the database of one group while no daemon runs. */
const DAMAGES: readonly (readonly [string, (path: string) => void])[] = [
  [
    "a roster entry that cannot be read",
    (path) => {
      using db = new Database(path, { strict: true });
      db.run("UPDATE roster SET canonical = x'7b7d'");
    },
  ],
  ["a database cut short", (path) => writeFileSync(path, readFileSync(path).subarray(0, 5_000))],
  ["a database whose beginning is overwritten", (path) => overwrite(path, 0, 4_096)],
  ["a database whose pages are overwritten", (path) => overwrite(path, 4_096, readFileSync(path).length - 4_096)],
];

function overwrite(path: string, from: number, bytes: number): void {
  const file = openSync(path, "r+");
  writeSync(file, new Uint8Array(bytes).fill(0xa5), 0, bytes, from);
  closeSync(file);
}

inNetns(import.meta, () => {
  test("a damaged identity is refused by name and left as it is", async () => {
    using home = new TemporaryDirectory();
    await using a = new DaemonNode(home.path, "a");
    await a.ask(["group", "create", "-name", "council"]);
    const path = join(a.data, "identity.json");
    for (const damaged of ["", "{", '{"private_key":"AAAA"}', readFileSync(path, "utf8").replace(/[a-f]/g, "0")]) {
      writeFileSync(path, damaged);
      for (const command of [["serve"], ["info"], ["up"]]) {
        const { status, stdout, stderr } = await a.run(command);
        expect({ damaged, command, status, stdout }).toEqual({ damaged, command, status: 1, stdout: "" });
        expect(stderr).toContain(path);
        // Nothing of the key, whatever is left of it.
        for (const piece of damaged.match(/[\w+/]{12}/g) ?? []) expect(stderr).not.toContain(piece);
      }
      expect(readFileSync(path, "utf8")).toBe(damaged);
    }
  });

  test("with groups but without their identity nothing starts, and no new key is made", async () => {
    using home = new TemporaryDirectory();
    await using a = new DaemonNode(home.path, "a");
    await a.ask(["group", "create", "-name", "council"]);
    const path = join(a.data, "identity.json");
    const kept = readFileSync(path);
    rmSync(path);
    for (const command of [["serve"], ["up"], ["group", "create", "-name", "other"]]) {
      const { status, stdout, stderr } = await a.run(command);
      expect({ command, status, stdout }).toEqual({ command, status: 1, stdout: "" });
      expect(stderr).toContain(path);
      expect(stderr).toContain("restore");
    }
    expect(existsSync(path)).toBe(false);
    writeFileSync(path, kept, { mode: 0o600 });
    expect(await a.serve()).toMatchObject({ event: "serving" });
  });

  for (const [what, damage] of DAMAGES) {
    test(`${what} is told by file, and the other groups are served`, async () => {
      using home = new TemporaryDirectory();
      await using a = new DaemonNode(home.path, "a");
      await a.serve();
      const good = await a.ask(["group", "create", "-name", "good"]);
      const bad = await a.ask(["group", "create", "-name", "bad"]);
      for (const { group_id } of [good, bad]) await publish(a, group_id);
      await a.end();
      const path = databaseOf(a, bad.group_id);
      damage(path);

      const served = await a.serve();
      await a.daemon.said(path);
      expect(served.group_ids).toContain(good.group_id);
      expect((await publish(a, good.group_id)).status).toBe(0);
      expect((await a.group(good.group_id)).messages).toBe(2);
      const refused = await publish(a, bad.group_id);
      expect(refused.status).not.toBe(0);
      expect(refused.stdout).toBe("");
      // A tail over all leaves it out with a line, one over it alone is refused.
      await using all = a.spawn(["tail", "-n", "-1"]);
      await all.said(path);
      expect(all.stderr).toContain("it is left out");
      expect(groupsOf(all.stdout)).toEqual([good.group_id, good.group_id]);
      const alone = await a.run(["tail", "-n", "-1", "-group", bad.group_id]);
      expect({ ...alone, stderr: alone.stderr.includes(path) }).toEqual({ status: 1, stdout: "", stderr: true });
      // Messages that can still be read are shown; otherwise the file is named.
      const asked = await a.run(["query", "-group", bad.group_id]);
      if (asked.status === 0) expect(JSON.parse(asked.stdout)).toMatchObject({ content: "hello" });
      else expect({ ...asked, stderr: asked.stderr.includes(path) }).toEqual({ status: 1, stdout: "", stderr: true });
    });
  }

  test("a data root of the original is taken over, also with a torn last line, and its files stay", async () => {
    using home = new TemporaryDirectory();
    await using a = new DaemonNode(home.path, "root");
    const unpacked = Bun.spawnSync(["tar", "xf", join(VECTORS, "root.tar"), "-C", home.path]);
    if (!unpacked.success) throw new Error(`tar: ${unpacked.stderr}`);
    const { groups } = JSON.parse(readFileSync(join(VECTORS, "expected.json"), "utf8"));
    const [torn] = groups;
    const roster = join(a.data, "groups", torn.dir, "roster.jsonl");
    appendFileSync(roster, '{"id":"half a line');
    const before = readFileSync(roster);

    const served = await a.serve();
    expect(served.group_ids).toHaveLength(groups.length);
    for (const { group_id, merkle_root, ids_sorted } of groups) {
      const found = await a.group(Buffer.from(group_id, "hex").toString("base64"));
      expect(found.messages).toBe(ids_sorted.length);
      if (merkle_root !== undefined) expect(Buffer.from(found.merkle_root, "base64").toString("hex")).toBe(merkle_root);
    }
    expect(readFileSync(roster)).toEqual(before);
    await a.end();
    const again = await a.ask(["info"]);
    expect(again.groups).toHaveLength(groups.length);
  });
});

function databaseOf(node: DaemonNode, groupId: string): string {
  const dir = Buffer.from(groupId, "base64").toString("base64url");
  return join(node.data, "groups", dir, "moot.sqlite");
}

function publish(node: DaemonNode, groupId: string) {
  return node.run(["publish", "-group", groupId, "-topic", "chat", "-content", "hello"]);
}

/** Whose the messages of a tail are. */
function groupsOf(stdout: string): string[] {
  const lines = stdout.trimEnd().split("\n");
  return lines.map((line) => JSON.parse(line).group_id);
}
