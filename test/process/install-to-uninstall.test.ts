import { afterAll, beforeAll, expect, test } from "bun:test";
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Sandbox } from "../install/sandbox.ts";
import { agree, DaemonNode } from "../support/daemon.ts";
import { inNetns } from "../support/netns.ts";
import { Program } from "../support/program.ts";
import { FeedServer, feedFiles, RELEASE_KEY } from "../support/release-feed.ts";
import { TemporaryDirectory } from "../support/temporary-directory.ts";
import { buildTestBinary, fingerprint } from "../support/updated-binaries.ts";

const OLD = { version: "v0.1.0", serial: 1000 };
const NEW = { version: "v0.2.0", serial: 2000 };
/** What is wrong with the daemon of a release, and what is said of it. */
const FAILING = [
  ["exit", /ended before it was ready/],
  ["hang", /did not answer within 5 s/],
  ["lose", /lost /],
] as const;
/** What one whole life of a node may take, in milliseconds. */
const WHOLE_MAX_MS = 300_000;
/** The start-up file of the shell before anything is installed. */
const SHELL_FILE = "# mine\n";
/** What killed updates may have left beside the program. */
const LEFTOVERS = [`.entmootd.part-${"ab".repeat(32)}`, ".entmootd.new-4711", ".entmootd.swap-4711"];

/** A person's home folder with blanks in its path, the script run in it, and the node of what it installed. */
class Home implements AsyncDisposable {
  readonly box = new Sandbox();
  readonly node: DaemonNode;
  /** Named to the script alone: updates go on with it. */
  readonly #feed: FeedServer;
  /** No data root is named: it is the one that belongs to the home folder. */
  readonly #settings: Readonly<Record<string, string | undefined>>;

  constructor(feed: FeedServer) {
    this.#feed = feed;
    this.#settings = { ENTMOOT_UPDATE_READY: "5s", ENTMOOT_DATA: undefined };
    this.box.write(".bashrc", SHELL_FILE);
    this.node = new DaemonNode(this.box.home, ".entmoot", { command: [this.box.alias], env: this.#settings });
  }

  get bin(): string {
    return join(this.box.installDir, "bin");
  }

  /** Runs the program itself, past the wrapper, as `entmootd` in a shell does. */
  // biome-ignore lint/suspicious/noExplicitAny: tests read what they expect of it and fail otherwise.
  async update(...flags: string[]): Promise<any> {
    await using plain = new DaemonNode(this.box.home, ".entmoot", { command: [this.box.binary], env: this.#settings });
    return await plain.ask(["update", ...flags, "--json"]);
  }

  /** Runs install.sh where it must succeed; what it said. */
  script(...args: string[]): Promise<string> {
    const feed = { ENTMOOT_UPDATE_URL: this.#feed.url, ENTMOOT_RELEASE_PUBKEYS: RELEASE_KEY };
    return this.box.install(args, { env: { ...this.#settings, ...feed } });
  }

  /** What a new shell of this person runs under the name `entmoot`. */
  async inNewShell(): Promise<string> {
    const command = ["dash", "-c", '. "$HOME/.bashrc" && command -v entmoot && exec entmootd version'];
    await using program = new Program(command, { env: { PATH: process.env.PATH, HOME: this.box.home } });
    return (await program.ended()).stdout;
  }

  say(content: string): Promise<unknown> {
    return this.node.ask(["publish", "-topic", "chat", "-content", content]);
  }

  /** Everything that was said, in order of its words. */
  async heard(): Promise<string[]> {
    const { stdout } = await this.node.run(["query", "-limit", "0"]);
    return stdout
      .split("\n")
      .flatMap((line) => (line === "" ? [] : [JSON.parse(line).content as string]))
      .toSorted();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.node[Symbol.asyncDispose]();
    this.box[Symbol.dispose]();
  }
}

inNetns(import.meta, () => {
  const built = new TemporaryDirectory();
  let oldBinary: string;
  let newBinary: string;
  let oldFeed: Map<string, Uint8Array>;
  let newFeed: Map<string, Uint8Array>;
  beforeAll(async () => {
    oldBinary = await buildTestBinary(built.path, OLD);
    newBinary = await buildTestBinary(built.path, NEW);
    oldFeed = feedFiles({ ...OLD, binary: readFileSync(oldBinary) });
    newFeed = feedFiles({ ...NEW, binary: readFileSync(newBinary) });
  });
  afterAll(() => built[Symbol.dispose]());

  test(
    "installed, joined, updated, rolled back, removed and installed again, a node is who it was and misses nothing",
    async () => {
      await using feed = new FeedServer(oldFeed);
      await using a = new Home(feed);
      await using b = new Home(feed);
      const both = [a.node, b.node];
      const said: string[] = [];
      /** Each says something, and both have heard all there is. */
      const talk = async (when: string) => {
        for (const [home, who] of [
          [a, "a"],
          [b, "b"],
        ] as const) {
          said.push(`${who} ${when}`);
          await home.say(`${who} ${when}`);
        }
        await agree(both, { messages: said.length });
        for (const home of [a, b]) expect(await home.heard()).toEqual(said.toSorted());
      };

      // Installed twice from the feed, and joined over the embedded carrier.
      for (const home of [a, b]) {
        expect(await home.script()).toContain("signed by release key");
        expect(fingerprint(home.box.binary)).toBe(fingerprint(oldBinary));
        for (const path of [home.box.installDir, home.bin, home.box.binary, home.box.alias])
          expect({ path, uid: statSync(path).uid }).toEqual({ path, uid: process.getuid!() });
        const [where, version] = (await home.inNewShell()).split("\n");
        expect(where).toBe(home.box.alias);
        expect(JSON.parse(version!)).toMatchObject({ version: OLD.version });
        await home.node.serve();
      }
      const { group_id } = await a.node.ask(["group", "create", "-name", "council", "-policy", "none"]);
      const { link } = await a.node.ask(["invite", "link", "-group", group_id]);
      expect(await b.node.ask(["join", link])).toMatchObject({ status: "joined", group_id, members: 2 });
      await talk("before the update");
      const { entmoot_pubkey } = await a.node.ask(["info"]);
      const identity = a.box.read(".entmoot/identity.json");

      // One of the two is updated: the same process is the new version, with all it had.
      feed.files = newFeed;
      const { pid } = a.node.daemon;
      expect(await a.update("--restart")).toMatchObject({
        current_version: OLD.version,
        updated: true,
        install_dir: a.bin,
        restart_required: false,
        daemon: { version: NEW.version, pid },
      });
      expect(fingerprint(a.box.binary)).toBe(fingerprint(newBinary));
      expect(await a.node.ask(["info"])).toMatchObject({
        running: true,
        version: NEW.version,
        pid,
        entmoot_pubkey,
        groups: [{ group_id, name: "council", members: 2, messages: said.length, founder: true, local_member: true }],
        last_update: { from: OLD.version, to: NEW.version, outcome: "updated" },
      });
      expect(await b.node.ask(["info"])).toMatchObject({ version: OLD.version, pid: b.node.daemon.pid });
      expect(await a.heard()).toEqual(said.toSorted());
      await talk("in two versions");

      // Back again.
      expect(await a.update("--rollback", "--restart")).toMatchObject({
        updated: true,
        daemon: { version: OLD.version, pid },
      });
      expect(fingerprint(a.box.binary)).toBe(fingerprint(oldBinary));
      expect(await a.node.ask(["info"])).toMatchObject({
        running: true,
        version: OLD.version,
        pid,
        groups: [{ group_id, members: 2, messages: said.length }],
      });
      expect(await a.heard()).toEqual(said.toSorted());
      await talk("after the rollback");

      // The script over a running node: that goes on, and takes the new program up when it is told to.
      expect(await b.script()).toContain(`to change over: '${b.box.installDir}/entmoot' update -restart\n`);
      const { pid: pidOfB } = b.node.daemon;
      expect(await b.node.ask(["info"])).toMatchObject({ version: OLD.version, pid: pidOfB });
      expect(await b.update("--restart")).toMatchObject({
        updated: false,
        restart_required: false,
        daemon: { version: NEW.version, pid: pidOfB },
      });
      await talk("after the script came by");
      // Through the wrapper too, which names the data root itself.
      expect(await b.node.ask(["update", "--rollback", "--restart", "--json"])).toMatchObject({
        updated: true,
        daemon: { version: OLD.version, pid: pidOfB },
      });
      expect(fingerprint(b.box.binary)).toBe(fingerprint(oldBinary));
      await talk("where the script had been");

      // Removed: the program and all that belongs to it, and nothing of the node.
      expect(readdirSync(join(a.bin, "man/man1"))).toContain("entmootd-publish.1");
      for (const name of LEFTOVERS) writeFileSync(join(a.bin, name), "left by one that was killed");
      expect(readdirSync(a.bin).toSorted()).toEqual(
        [
          ...[".entmoot-feed", ".entmoot-serial", ".entmoot-version", ".entmootd.lock", ...LEFTOVERS],
          ...["entmoot", "entmootd", "entmootd.previous", "man"],
        ].toSorted(),
      );
      expect(await a.script("uninstall")).toContain("stopped the daemon");
      expect((await a.node.daemon.ended()).status).toBe(0);
      expect(existsSync(a.bin)).toBe(false);
      const ofNode = ["groups", "identity.json", "last-update.json", "node.lock", "node.sqlite"];
      expect(readdirSync(a.box.installDir).toSorted()).toEqual(ofNode);
      expect(a.box.read(".bashrc")).toBe(SHELL_FILE);
      expect(await a.inNewShell()).toBe("");
      expect(a.box.read(".entmoot/identity.json")).toBe(identity);
      said.push("b while a is away");
      await b.say("b while a is away");

      // Installed again, which now is the newest: the same node in the same moot.
      expect(await a.script()).toContain(`entmootd ${NEW.version} is installed`);
      await a.node.serve();
      await agree(both, { messages: said.length });
      expect(await a.heard()).toEqual(said.toSorted());
      expect(await a.node.ask(["info"])).toMatchObject({
        version: NEW.version,
        entmoot_pubkey,
        groups: [{ group_id, name: "council", members: 2, messages: said.length, founder: true }],
      });
      await talk("at home again");

      // Purged while it runs, nothing is left of a node.
      expect(await b.script("uninstall", "--purge", "--yes")).toContain("stopped the daemon");
      expect((await b.node.daemon.ended()).status).toBe(0);
      expect(readdirSync(b.box.home)).toEqual([".bashrc"]);
      expect(b.box.read(".bashrc")).toBe(SHELL_FILE);
      await a.node.end();
    },
    WHOLE_MAX_MS,
  );

  test(
    "where the daemon of a release fails, the installed one is back in the moot, as it was started and with the reason",
    async () => {
      await using feed = new FeedServer(oldFeed);
      await using a = new Home(feed);
      await using b = new Home(feed);
      for (const home of [a, b]) {
        await home.script();
        await home.node.serve();
      }
      const { group_id } = await a.node.ask(["group", "create", "-name", "council", "-policy", "none"]);
      const { link } = await a.node.ask(["invite", "link", "-group", group_id]);
      await b.node.ask(["join", link]);
      const commandLine = async () => readFileSync(`/proc/${(await a.node.ask(["info"])).pid}/cmdline`, "utf8");
      const startedAs = await commandLine();
      const said: string[] = [];
      try {
        for (const [broken, reason] of FAILING) {
          const binary = readFileSync(await buildTestBinary(built.path, { ...NEW, broken }));
          feed.files = feedFiles({ ...NEW, binary });
          await expect(a.update("--restart")).rejects.toThrow(reason);
          const info = await a.node.ask(["info"]);
          expect(info).toMatchObject({ running: true, version: OLD.version, groups: [{ group_id, members: 2 }] });
          expect(info.last_update).toMatchObject({ from: OLD.version, to: NEW.version, outcome: "rolled_back" });
          expect(info.last_update.reason).toMatch(reason);
          expect(fingerprint(a.box.binary)).toBe(fingerprint(oldBinary));
          expect(await commandLine()).toBe(startedAs);
          said.push(`b, ${broken}`, `a, ${broken}`);
          await b.say(`b, ${broken}`);
          await a.say(`a, ${broken}`);
          await agree([a.node, b.node], { messages: said.length });
          for (const home of [a, b]) expect(await home.heard()).toEqual(said.toSorted());
        }
      } finally {
        // One that was started anew is nobody's child. This ends it, and removes its program.
        await a.script("uninstall");
      }
    },
    WHOLE_MAX_MS,
  );
});
