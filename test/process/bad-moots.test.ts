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
import type { Program } from "../support/program.ts";
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
      await node.ask(["publish", "-group", good, "-topic", "chat", "-content", "goes on"]);
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

  test("whoever means a moot that cannot be opened is not led to another, by its name or as the only one", async () => {
    using home = new TemporaryDirectory();
    await using node = new DaemonNode(home.path, "a");
    const ids: string[] = [];
    for (const name of ["pair", "alone", "pair"]) {
      ids.push((await node.ask(["group", "create", "-name", name, "-policy", "none"])).group_id);
    }
    const [open, , shut] = ids as [string, string, string];
    for (const id of ids.slice(1)) {
      writeFileSync(databaseOf(node, id), "this is no database, and never was one".repeat(100));
    }
    const publish = ["publish", "-topic", "chat", "-content", "to the right one"];
    const refused = async (args: readonly string[], status: number, ...parts: string[]) => {
      const ended = await node.run(args);
      expect({ args, status: ended.status, stdout: ended.stdout }).toEqual({ args, status, stdout: "" });
      for (const part of parts) expect(ended.stderr).toContain(part);
    };
    const both = ['2 moots here are called "pair"; give the id', open, `${shut}, which cannot be opened`];
    const several = ["3 moots are here; name one with -group", shut];
    const looks = async () => {
      await refused(["query", "-group", "pair"], 5, ...both);
      await refused(["query", "-group", "alone"], 1, "not a sound SQLite database");
      await refused(["query"], 5, ...several);
      await refused(["call", "messages"], 5, "3 groups joined");
      const { unopened } = await node.ask(["info"]);
      expect(unopened.map(({ name }: { name: string }) => name).toSorted()).toEqual(["alone", "pair"]);
    };
    await looks();
    await refused(["up"], 1, `moot ${shut} ("pair") cannot be opened, and may be the one meant`);
    await refused(["up", "-moot", "alone"], 1, '("alone") cannot be opened');
    await refused(["up", "-group", shut], 1, "not a sound SQLite database");
    await node.serve();
    await looks();
    await refused([...publish, "-group", "pair"], 5, ...both);
    await refused([...publish, "-group", "alone"], 1, "not a sound SQLite database");
    await refused(publish, 5, ...several);
    const asAgent = { env: { ENTMOOT_DATA: undefined, ENTMOOT_AGENT_SOCKET: join(node.data, "agent.sock") } };
    for (const args of [publish, [...publish, "-group", "pair"]]) {
      expect(await node.run(args, asAgent)).toMatchObject({ status: 5, stdout: "" });
    }
    await node.ask([...publish, "-group", open]);
    await node.end();
  });

  test("a tail says nothing twice, and nothing that was not asked for, of a moot that could not be opened for a while", async () => {
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
    await say(one, "begin");
    await using tail = node.spawn(["tail", "-n", "-1"]);
    const { place } = await tail.json({ content: "first" });
    const { place: placeOfOne } = await tail.json({ content: "begin" });
    // Once this comes, it follows the daemon.
    await say(two, "live");
    await tail.json({ content: "live" });
    await node.end();
    const database = databaseOf(node, two);
    const sound = readFileSync(database);
    writeFileSync(database, "this is no database, and never was one".repeat(100));
    await node.serve();
    await using fresh = node.spawn(["tail"]);
    await using after = node.spawn(["tail", "-after", place, "-after", placeOfOne]);
    for (const program of [fresh, after]) await program.said(`${two}: ${database}`);
    for (const command of [
      ["query", "-after", place],
      ["tail", "-group", two, "-after", place],
    ]) {
      const { status, stderr } = await node.run(command);
      expect({ command, status, stderr }).toEqual({ command, status: 1, stderr: expect.stringContaining(database) });
    }
    // Until both follow the daemon.
    await eventually("a message of the other moot", async () => {
      await say(one, "meanwhile");
      return [fresh, after].every(({ stdout }) => stdout.includes("meanwhile")) || undefined;
    });
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
    for (const program of [tail, fresh, after]) await program.json({ content: "third" });
    const contents = (program: Program) => {
      const rows = program.stdout.trim().split("\n");
      return rows.map((line) => JSON.parse(line).content).filter((content) => content !== "meanwhile");
    };
    expect(contents(tail)).toEqual(["first", "second", "begin", "live", "third"]);
    expect(contents(fresh)).toEqual(["third"]);
    expect(contents(after)).toEqual(["second", "live", "third"]);
    await node.end();
  });
});

function databaseOf(node: DaemonNode, id: string): string {
  const folder = groupDirectoryName(GroupId.fromBytes(Uint8Array.fromBase64(id)));
  return join(node.data, "groups", folder, "moot.sqlite");
}

/** Who owns what is in `path`, and `path` itself. */
function owners(path: string): number[] {
  const files = [path, ...readdirSync(path, { recursive: true, encoding: "utf8" }).map((name) => join(path, name))];
  return [...new Set(files.map((file) => lstatSync(file).uid))];
}
