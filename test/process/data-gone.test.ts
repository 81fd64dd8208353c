import { expect, test } from "bun:test";
import { copyFileSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { encodeUtf8 } from "../../src/core/bytes/utf8.ts";
import { GroupId } from "../../src/core/ids.ts";
import { status } from "../../src/node/operations/daemon.ts";
import { publish } from "../../src/node/operations/messages.ts";
import { groupDirectoryName } from "../../src/store/group-directory.ts";
import { DaemonNode, eventually } from "../support/daemon.ts";
import { inNetns } from "../support/netns.ts";
import { TemporaryDirectory } from "../support/temporary-directory.ts";

const GONE = "no longer what was opened";

inNetns(import.meta, () => {
  test("files of a moot that are removed or swapped are told of at once by log, info, env and publish, and other moots go on", async () => {
    using home = new TemporaryDirectory();
    await using node = new DaemonNode(home.path, "a");
    await node.serve();
    const [removed, swapped, log, intact] = await moots(node, 4);
    for (const { id } of [removed, swapped, log, intact]) await say(node, id, "before");
    expect(await node.ask(["env", "-json", "-exit-code"])).toMatchObject({ runtime_status: "healthy" });

    const copy = join(home.path, "copy.sqlite");
    const harm = [
      { moot: removed, path: removed.database, do: () => rmSync(removed.database) },
      {
        moot: swapped,
        path: swapped.database,
        do() {
          copyFileSync(swapped.database, copy);
          renameSync(copy, swapped.database);
        },
      },
      { moot: log, path: `${log.database}-wal`, do: () => rmSync(`${log.database}-wal`) },
    ];
    for (const { moot, path, do: harmIt } of harm) {
      harmIt();
      // Nobody writes or asks anything meanwhile.
      await node.daemon.said(`group ${moot.id}: ${path}: ${GONE}`);
      const refused = await node.run(["publish", "-group", moot.id, "-topic", "chat", "-content", "lost"]);
      expect(refused).toMatchObject({ status: 1, stdout: "" });
      expect(refused.stderr).toStartWith(`entmootd: publish: ${path}: ${GONE}`);
      expect(refused.stderr).toContain("restart the daemon");
      await say(node, intact.id, "goes on");
    }
    const { groups, unopened } = await node.ask(["info"]);
    expect(groups).toMatchObject([{ group_id: intact.id, messages: 4 }]);
    expect(unopened).toHaveLength(3);
    for (const { moot, path } of harm) {
      expect(unopened).toContainEqual({
        group_id: moot.id,
        name: expect.any(String),
        reason: expect.stringContaining(`${path}: ${GONE}`),
      });
    }
    const env = await node.run(["env", "-json", "-exit-code"]);
    expect(env.status).toBe(1);
    expect(JSON.parse(env.stdout)).toMatchObject({
      runtime_status: "half_alive",
      runtime_status_reason: expect.stringMatching(new RegExp(`^moot \\S+ was lost: .*${GONE}`)),
      publish_path_healthy: false,
    });
    await node.end();
    expect(node.daemon.stderr.match(new RegExp(GONE, "g"))).toHaveLength(3);
    // What was acknowledged before the log went is in the database, into which a clean end writes it.
    expect((await node.run(["query", "-group", log.id])).stdout).toContain('"before"');
  });

  test("the folder of the moots, and the whole data root, are told of with one line each, and when they are back", async () => {
    using home = new TemporaryDirectory();
    await using node = new DaemonNode(home.path, "a");
    await node.serve();
    const [one, two] = await moots(node, 2);
    const content = encodeUtf8("before");
    await using client = await node.client();
    const group_id = GroupId.fromBytes(Uint8Array.fromBase64(one.id));
    await client.call(publish, { group_id, topics: ["chat"], content });
    const away = join(home.path, "away");
    for (const folder of [join(node.data, "groups"), node.data]) {
      renameSync(folder, away);
      await node.daemon.said(`data root: ${folder}: ${GONE}: it was removed`);
      const { faults, unopened } = await client.call(status, {});
      expect(faults).toEqual([expect.stringContaining(`${folder}: ${GONE}`)]);
      expect(unopened.map(({ lost }) => lost)).toEqual([true, true]);
      const refused = client.call(publish, { group_id, topics: ["chat"], content });
      expect(refused).rejects.toMatchObject({
        code: "data_root_invalid",
        message: expect.stringContaining(one.database),
      });
      await refused.catch(() => {});
      const env = await node.run(["env", "-json", "-exit-code"]);
      expect(env.status).toBe(1);
      const reason = folder === node.data ? `its data root was moved to ${away}` : `${folder}: ${GONE}`;
      expect(JSON.parse(env.stdout)).toMatchObject({
        runtime_status: "half_alive",
        runtime_status_reason: expect.stringContaining(reason),
        publish_path_healthy: false,
      });
      renameSync(away, folder);
      await node.daemon.said("data root: well again");
      await eventually("the daemon", async () => (await node.run(["env", "-exit-code"])).status === 0 || undefined);
      await say(node, two.id, "after");
    }
    // One that was made anew, and empty, is another one.
    rmSync(node.data, { recursive: true });
    await eventually("a line", () => node.daemon.stderr.match(new RegExp(`${GONE}: `, "g"))?.length === 3 || undefined);
    await node.kill();
  });

  test("a data root of which the lock or the node's own database was removed is told of", async () => {
    using home = new TemporaryDirectory();
    await using node = new DaemonNode(home.path, "a");
    await node.serve();
    const paths = ["node.sqlite", "node.lock"].map((name) => join(node.data, name));
    for (const path of paths) {
      rmSync(path);
      await node.daemon.said(`data root: ${path}: ${GONE}`);
    }
    const faults = paths.map((path) => expect.stringContaining(`${path}: ${GONE}`));
    expect((await node.ask(["info"])).faults).toEqual(faults);
    expect(await node.ask(["env", "-json"])).toMatchObject({ runtime_status_reason: faults[0] });
    await node.kill();
  });
});

interface Moot {
  readonly id: string;
  readonly database: string;
}

async function moots<Count extends number>(node: DaemonNode, count: Count) {
  const made: Moot[] = [];
  for (let n = 0; n < count; n++) {
    const { group_id: id } = await node.ask(["group", "create", "-name", `moot ${n}`, "-policy", "none"]);
    const name = groupDirectoryName(GroupId.fromBytes(Uint8Array.fromBase64(id)));
    made.push({ id, database: join(node.data, "groups", name, "moot.sqlite") });
  }
  return made as unknown as Count extends 2 ? [Moot, Moot] : [Moot, Moot, Moot, Moot];
}

function say(node: DaemonNode, group: string, content: string) {
  return node.ask(["publish", "-group", group, "-topic", "chat", "-content", content]);
}
