import { expect, test } from "bun:test";
import { chmodSync, existsSync, mkdirSync, readdirSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DaemonNode } from "../support/daemon.ts";
import { inNetns } from "../support/netns.ts";
import { TemporaryDirectory } from "../support/temporary-directory.ts";

const CHANGES = [
  ["serve"],
  ["up"],
  ["stop"],
  ["publish", "-topic", "chat", "-content", "x"],
  ["group", "create", "-name", "anew"],
];

/** Every command at this place names the process and how it is ended, and the looking ones show what is to be seen. */
async function expectTold(node: DaemonNode, pid: number, what: string): Promise<void> {
  for (const args of CHANGES) {
    const { status, stdout, stderr } = await node.run(args);
    expect({ args, status, stdout, stderr }).toEqual({ args, status: 6, stdout: "", stderr: expect.any(String) });
    expect(stderr).toContain(`process ${pid} `);
    expect(stderr).toContain(what);
    expect(stderr).toContain(`kill ${pid}`);
  }
  const env = await node.run(["env", "-json", "-exit-code"]);
  expect(env.status).toBe(1);
  expect(JSON.parse(env.stdout)).toMatchObject({
    runtime_status: "half_alive",
    runtime_status_reason: expect.stringContaining(what),
  });
  expect((await node.ask(["info"])).faults).toEqual([expect.stringContaining(what)]);
}

inNetns(import.meta, () => {
  test("a data root moved or removed under its daemon is told of at both places, and nothing is made there", async () => {
    using home = new TemporaryDirectory();
    await using old = new DaemonNode(home.path, "old");
    await using moved = new DaemonNode(home.path, "moved");
    await old.serve();
    const { pid } = old.daemon;
    renameSync(old.data, moved.data);
    await old.daemon.said("no longer what was opened");
    await expectTold(moved, pid, `holds this data root under its former place ${old.data}`);
    await expectTold(old, pid, `its data root was moved to ${moved.data}`);
    expect(readdirSync(home.path)).toEqual(["moved"]);
    rmSync(moved.data, { recursive: true });
    await expectTold(old, pid, "its files were removed or replaced under it");
    expect(existsSync(old.data)).toBeFalse();
    await old.end();
    expect(await old.ask(["group", "create", "-name", "anew"])).toMatchObject({ name: "anew" });
  });

  test("a folder of something else is refused as a data root by whatever makes one, and stays as it is", async () => {
    using home = new TemporaryDirectory();
    await using node = new DaemonNode(home.path, "shared");
    mkdirSync(node.data);
    chmodSync(node.data, 0o1777);
    for (const names of [[], ["mine"]]) {
      for (const name of names) writeFileSync(join(node.data, name), "hi");
      for (const args of [["group", "create", "-name", "x"], ["serve"], ["up"]]) {
        const { status, stdout, stderr } = await node.run(
          args,
          names.length === 0 ? { env: { TMPDIR: node.data } } : {},
        );
        expect({ args, status, stdout }).toEqual({ args, status: 1, stdout: "" });
        expect(stderr).toContain(names.length === 0 ? "where everybody puts things" : 'it holds "mine"');
        expect(stderr).toContain("nothing was made or changed");
      }
      expect(readdirSync(node.data)).toEqual(names);
      expect(statSync(node.data).mode & 0o7777).toBe(0o1777);
    }
  });
});
