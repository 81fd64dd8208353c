import { expect } from "bun:test";
import { chmodSync, chownSync, cpSync, readdirSync, readFileSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { BINARY } from "../support/binary.ts";
import { DaemonNode } from "../support/daemon.ts";
import { testWhere } from "../support/needs.ts";
import { inNetns } from "../support/netns.ts";
import { OTHER_USER, otherUser, otherUserMissing } from "../support/other-user.ts";
import { TemporaryDirectory } from "../support/temporary-directory.ts";

inNetns(import.meta, () => {
  testWhere(
    otherUserMissing(),
    "a backup that can only be read is read, also one taken while a daemon wrote, and stays as it is",
    async () => {
      using home = new TemporaryDirectory();
      chmodSync(home.path, 0o755);
      await using node = new DaemonNode(home.path, "a");
      await node.serve();
      await node.ask(["group", "create", "-name", "council", "-policy", "none"]);
      const group = await node.group();
      const publish = (content: string) => node.ask(["publish", "-topic", "chat", "-content", content]);
      for (const content of ["one", "two"]) await publish(content);
      // What was published stands in the logs alone by then.
      const backups = [join(home.path, "of a running daemon"), join(home.path, "of an ended one")];
      cpSync(node.data, backups[0]!, { recursive: true, filter: (path) => !path.endsWith(".sock") });
      await node.end();
      cpSync(node.data, backups[1]!, { recursive: true });
      for (const data of backups) {
        freeze(data);
        const before = contents(data);
        const command = [...otherUser(), BINARY];
        await using reader = new DaemonNode(home.path, "a", { command, env: { ENTMOOT_DATA: data, TMPDIR: tmpdir() } });
        const query = await reader.run(["query"]);
        expect({ status: query.status, stderr: query.stderr }).toEqual({ status: 0, stderr: "" });
        expect(
          query.stdout
            .trimEnd()
            .split("\n")
            .map((line) => JSON.parse(line).content),
        ).toEqual(["two", "one"]);
        expect(await reader.ask(["info"])).toMatchObject({
          running: false,
          groups: [{ group_id: group.group_id, messages: 2, name: "council" }],
        });
        const refused = await reader.run(["group", "create", "-name", "another"]);
        expect(refused.status).toBe(1);
        expect(contents(data)).toEqual(before);
      }
      const left = readdirSync(tmpdir()).filter((name) => name.startsWith("entmoot-read-"));
      expect(left.filter((name) => statSync(join(tmpdir(), name)).uid === OTHER_USER)).toEqual([]);
    },
  );
});

/** Readable and nothing else, by the user who reads it. */
function freeze(path: string): void {
  for (const name of [".", ...readdirSync(path, { recursive: true, encoding: "utf8" })]) {
    const file = join(path, name);
    const isFolder = statSync(file).isDirectory();
    chownSync(file, OTHER_USER, OTHER_USER);
    chmodSync(file, isFolder ? 0o500 : 0o400);
  }
}

/** Every file with its content. */
function contents(path: string): Record<string, string> {
  const names = readdirSync(path, { recursive: true, encoding: "utf8" }).filter((name) =>
    statSync(join(path, name)).isFile(),
  );
  return Object.fromEntries(names.sort().map((name) => [name, Bun.hash(readFileSync(join(path, name))).toString()]));
}
