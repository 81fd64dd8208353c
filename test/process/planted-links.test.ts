import { expect, test } from "bun:test";
import {
  chownSync,
  existsSync,
  lchownSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { BINARY } from "../support/binary.ts";
import { DaemonNode } from "../support/daemon.ts";
import { testWhere } from "../support/needs.ts";
import { inNetns } from "../support/netns.ts";
import { OTHER_USER, otherUser, otherUserFolder, otherUserMissing } from "../support/other-user.ts";
import { TemporaryDirectory } from "../support/temporary-directory.ts";

/** What a command that makes a moot writes in a data root, and what a daemon writes beside that. */
const BY_COMMANDS = [
  ...["identity.json", "node.pid", "node.pid.tmp", "node.lock", "node.lock-journal", "node.sqlite", "node.sqlite-wal"],
  ...["node.sqlite-shm", "node.sqlite-journal", "groups", "takeover.lock"],
];
/** What is written for the agent of this node, once somebody asks. */
const FOR_AGENTS = ["agents.sqlite", "agents.sqlite-wal", "agents.sqlite-shm", "agents.sqlite-journal"];
const BY_DAEMONS = ["control.sock", "agent.sock", "lib"];
const MINE = "of root, and to stay so";

/** A thing of root's that is not to change: its content, mode, owner and what is in it. */
class Victim {
  readonly file: string;
  readonly folder: string;
  /** Where nothing is, and nothing is to come. */
  readonly missing: string;
  readonly #home: string;
  readonly #before: unknown;

  constructor(home: string) {
    this.#home = join(home, "roots");
    mkdirSync(this.#home, { mode: 0o755 });
    this.file = join(this.#home, "file");
    writeFileSync(this.file, MINE, { mode: 0o644 });
    this.folder = join(this.#home, "folder");
    mkdirSync(this.folder, { mode: 0o755 });
    this.missing = join(this.#home, "missing");
    this.#before = this.#state();
  }

  expectUntouched(label: string): void {
    expect<unknown>([label, this.#state()]).toEqual([label, this.#before]);
  }

  #state() {
    const names = readdirSync(this.#home, { recursive: true, encoding: "utf8" }).toSorted();
    const all = names.map((name) => {
      const { gid, mode, uid } = lstatSync(join(this.#home, name));
      return { name, gid, mode, uid };
    });
    return { all, content: readFileSync(this.file, "utf8") };
  }
}

function plant(target: string, path: string): void {
  symlinkSync(target, path);
  lchownSync(path, OTHER_USER, OTHER_USER);
}

inNetns(import.meta, () => {
  testWhere(
    otherUserMissing(),
    "root at work in a user's data root reaches through no name there what is not the user's",
    async () => {
      using home = new TemporaryDirectory();
      const theirs = otherUserFolder(home.path);
      const victim = new Victim(home.path);
      let count = 0;
      const root = () => {
        const node = new DaemonNode(theirs, `r${count++}`);
        mkdirSync(node.data, { mode: 0o700 });
        chownSync(node.data, OTHER_USER, OTHER_USER);
        return node;
      };
      const ways = [...BY_COMMANDS, ...FOR_AGENTS, ...BY_DAEMONS].flatMap((name) =>
        [victim.file, victim.folder, victim.missing].map((target) => ({ name, target })),
      );
      for (const { name, target } of ways) {
        await using node = root();
        plant(target, join(node.data, name));
        const label = `${name} -> ${target}`;
        // It may be refused or done; either way nothing of root's changes.
        await node.run(["group", "create", "-name", "council", "-policy", "none"]);
        if (FOR_AGENTS.includes(name)) {
          await node.run(["call", "deliver_rule", '{"group_id":"council","deliver":"all"}']);
        }
        if (BY_DAEMONS.includes(name)) {
          const daemon = node.spawn(["serve"]);
          await Promise.race([daemon.ended(), daemon.json({ event: "serving" })]);
          daemon.kill("SIGTERM");
          await daemon.ended();
        }
        victim.expectUntouched(label);
      }
      // A second name of a file of root's, which is not root's folder.
      for (const name of ["node.lock", "node.sqlite", "node.sqlite-wal", "identity.json", "node.pid.tmp"]) {
        await using node = root();
        linkSync(victim.file, join(node.data, name));
        await node.run(["group", "create", "-name", "council", "-policy", "none"]);
        rmSync(join(node.data, name), { force: true });
        victim.expectUntouched(`a second name: ${name}`);
      }
      // A folder of a moot that the user put elsewhere, and a log there: neither is followed to what is root's.
      await using node = root();
      await node.ask(["group", "create", "-name", "council", "-policy", "none"]);
      const [moot] = readdirSync(join(node.data, "groups"));
      const database = join(node.data, "groups", moot!, "moot.sqlite");
      const sound = readFileSync(database);
      for (const path of [database, `${database}-wal`, `${database}-shm`]) {
        rmSync(path, { force: true });
        plant(victim.file, path);
        const { unopened } = await node.ask(["info"]);
        expect(unopened).toMatchObject([{ reason: expect.stringContaining("symbolic link") }]);
        await node.serve();
        await node.end();
        victim.expectUntouched(path);
        rmSync(path);
        writeFileSync(database, sound);
        chownSync(database, OTHER_USER, OTHER_USER);
      }
    },
  );

  testWhere(
    otherUserMissing(),
    "a link to what is the user's too is followed, and what comes is the user's",
    async () => {
      using home = new TemporaryDirectory();
      const theirs = otherUserFolder(home.path);
      const disk = join(theirs, "disk");
      mkdirSync(disk);
      chownSync(disk, OTHER_USER, OTHER_USER);
      await using node = new DaemonNode(theirs, "a");
      plant(disk, node.data);
      await node.ask(["group", "create", "-name", "council", "-policy", "none"]);
      await node.serve();
      await node.end();
      const owners = new Set(
        readdirSync(disk, { recursive: true, encoding: "utf8" }).map((name) => lstatSync(join(disk, name)).uid),
      );
      expect([...owners]).toEqual([OTHER_USER]);
      await using user = new DaemonNode(theirs, "a", { command: [...otherUser(), BINARY] });
      expect(await user.ask(["info"])).toMatchObject({ running: false });
    },
  );

  test("one's own links are followed as ever", async () => {
    using home = new TemporaryDirectory();
    const disk = join(home.path, "disk");
    mkdirSync(disk);
    symlinkSync("disk", join(home.path, "link"));
    await using node = new DaemonNode(home.path, "link");
    await node.ask(["group", "create", "-name", "council", "-policy", "none"]);
    expect(existsSync(join(disk, "node.sqlite"))).toBe(true);
    expect(statSync(join(disk, "identity.json")).mode & 0o777).toBe(0o600);
  });
});
