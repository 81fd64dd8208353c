import { expect, test } from "bun:test";
import { chownSync, lstatSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { GroupId } from "../../src/core/ids.ts";
import { groupDirectoryName } from "../../src/store/group-directory.ts";
import { BINARY } from "../support/binary.ts";
import { DaemonNode, eventually } from "../support/daemon.ts";
import { testWhere } from "../support/needs.ts";
import { inNetns } from "../support/netns.ts";
import { OTHER_USER, otherUser, otherUserFolder, otherUserMissing } from "../support/other-user.ts";
import { TemporaryDirectory } from "../support/temporary-directory.ts";

inNetns(import.meta, () => {
  testWhere(
    otherUserMissing(),
    "what root does in a user's data root is the user's, whose daemon has all of it",
    async () => {
      using home = new TemporaryDirectory();
      const theirs = otherUserFolder(home.path);
      await using root = new DaemonNode(theirs, "a");
      const command = [...otherUser(), BINARY];
      await using user = new DaemonNode(theirs, "a", { command });
      // Makes the data root, the identity and the group; then a daemon of root makes the rest.
      await root.ask(["group", "create", "-name", "council", "-policy", "none"]);
      await root.serve();
      expect(owners(root.data)).toEqual([OTHER_USER]);
      await root.ask(["publish", "-topic", "chat", "-content", "by root"]);
      // The owner reaches a daemon of root too.
      expect(await user.ask(["info"])).toMatchObject({ running: true });
      await root.end();
      expect(owners(root.data)).toEqual([OTHER_USER]);
      await user.serve();
      await root.ask(["group", "create", "-name", "second", "-policy", "none"]);
      expect((await user.ask(["info"])).groups).toMatchObject([{ local_member: true }, { local_member: true }]);
      await user.end();
    },
  );

  testWhere(
    otherUserMissing(),
    "a moot that cannot be opened is named with the reason, the others work, and it opens once it can be",
    async () => {
      using home = new TemporaryDirectory();
      const theirs = otherUserFolder(home.path);
      const command = [...otherUser(), BINARY];
      await using node = new DaemonNode(theirs, "a", { command });
      const ids: string[] = [];
      for (const name of ["good", "of root", "folder of root", "damaged", "cut short"]) {
        ids.push((await node.ask(["group", "create", "-name", name, "-policy", "none"])).group_id);
      }
      const [good, ofRoot, folderOfRoot, damaged, cutShort] = ids as [string, string, string, string, string];
      const folder = (id: string) =>
        join(node.data, "groups", groupDirectoryName(GroupId.fromBytes(Uint8Array.fromBase64(id))));
      const database = (id: string) => join(folder(id), "moot.sqlite");
      chownSync(database(ofRoot), 0, 0);
      chownSync(folder(folderOfRoot), 0, 0);
      const sound = [damaged, cutShort].map((id) => readFileSync(database(id)));
      writeFileSync(database(damaged), "this is no database, and never was one".repeat(100));
      writeFileSync(database(cutShort), "");

      const reasons = {
        [ofRoot]: expect.stringMatching(/permission|owner/),
        [folderOfRoot]: expect.stringMatching(/permission|owner/),
        [damaged]: expect.stringContaining("not a sound SQLite database"),
        [cutShort]: expect.stringContaining("holds no roster"),
      };
      const unopened = async () => {
        const { groups, unopened: rows = [] } = await node.ask(["info"]);
        const shown = Object.fromEntries(
          rows.map(({ group_id, reason }: Record<string, string>) => [group_id, reason]),
        );
        return { open: groups.map(({ group_id }: { group_id: string }) => group_id), shown };
      };
      expect(await unopened()).toEqual({ open: [good], shown: reasons });
      await node.serve();
      expect(await unopened()).toEqual({ open: [good], shown: reasons });
      await node.ask(["publish", "-topic", "chat", "-content", "goes on"]);
      const asked = await node.run(["publish", "-group", damaged, "-topic", "chat", "-content", "not here"]);
      expect(asked.stderr).toContain("not a sound SQLite database");

      chownSync(database(ofRoot), OTHER_USER, OTHER_USER);
      chownSync(folder(folderOfRoot), OTHER_USER, OTHER_USER);
      [damaged, cutShort].forEach((id, at) => {
        for (const suffix of ["-wal", "-shm"]) rmSync(database(id) + suffix, { force: true });
        writeFileSync(database(id), sound[at]!);
      });
      await eventually("all open", async () => ((await unopened()).open.length === ids.length ? true : undefined));
      for (const id of ids) await node.ask(["publish", "-group", id, "-topic", "chat", "-content", "here again"]);
      expect(node.daemon.stderr.match(/opened now/g)).toHaveLength(4);
      await node.end();
    },
  );

  test("a tail says nothing twice of a moot that could not be opened for a while", async () => {
    using home = new TemporaryDirectory();
    await using node = new DaemonNode(home.path, "a");
    await node.serve();
    const made: string[] = [];
    for (const name of ["one", "two"]) {
      made.push((await node.ask(["group", "create", "-name", name, "-policy", "none"])).group_id);
    }
    const [one, two] = made as [string, string];
    const say = (group: string, content: string) =>
      node.ask(["publish", "-group", group, "-topic", "chat", "-content", content]);
    for (const content of ["first", "second"]) await say(two, content);
    await using tail = node.spawn(["tail", "-n", "-1"]);
    await tail.json({ content: "second" });
    // Once this comes, it follows the daemon.
    await say(two, "live");
    await tail.json({ content: "live" });
    await node.end();
    const database = join(
      node.data,
      "groups",
      groupDirectoryName(GroupId.fromBytes(Uint8Array.fromBase64(two))),
      "moot.sqlite",
    );
    const sound = readFileSync(database);
    writeFileSync(database, "this is no database, and never was one".repeat(100));
    await node.serve();
    await say(one, "meanwhile");
    await tail.json({ content: "meanwhile" });
    for (const suffix of ["-wal", "-shm"]) rmSync(database + suffix, { force: true });
    writeFileSync(database, sound);
    await eventually("it opens", async () =>
      (await node.run(["query", "-group", two])).stdout === "" ? undefined : true,
    );
    await eventually(
      "it can be written",
      async () =>
        (await node.run(["publish", "-group", two, "-topic", "chat", "-content", "third"])).status === 0 || undefined,
    );
    await tail.json({ content: "third" });
    const contents = tail.stdout
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line).content);
    expect(contents).toEqual(["first", "second", "live", "meanwhile", "third"]);
    await node.end();
  });
});

/** Who owns what is in `path`, and `path` itself. */
function owners(path: string): number[] {
  const files = [path, ...readdirSync(path, { recursive: true, encoding: "utf8" }).map((name) => join(path, name))];
  return [...new Set(files.map((file) => lstatSync(file).uid))];
}
