import { expect, setDefaultTimeout, test } from "bun:test";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Client } from "@modelcontextprotocol/client";
import { StdioClientTransport } from "@modelcontextprotocol/client/stdio";
import { DaemonNode } from "../support/daemon.ts";
import { eventually } from "../support/eventually.ts";
import { inNetns } from "../support/netns.ts";
import { TemporaryDirectory } from "../support/temporary-directory.ts";

setDefaultTimeout(90_000);

/** Settings as a person writes them, which no program would. */
const SETTINGS = '{\n   // of mine\n   "mcpServers": {"other": {"command": "x"},},\n}';

/** The entry that a host was given, as it starts it. */
interface Entry {
  readonly command: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

/** Where a person works with Cursor, which is set up by its file, installed or not. */
class Project {
  readonly folder: string;
  readonly file: string;

  constructor(home: string, name: string) {
    this.folder = join(home, name);
    this.file = join(this.folder, ".cursor", "mcp.json");
    mkdirSync(this.folder);
  }

  write(text: string): void {
    mkdirSync(join(this.folder, ".cursor"), { recursive: true });
    writeFileSync(this.file, text);
  }

  get text(): string {
    return readFileSync(this.file, "utf8");
  }

  get entry(): Entry | undefined {
    const { mcpServers } = Bun.JSONC.parse(this.text) as { mcpServers: { entmoot?: Entry } };
    return mcpServers.entmoot;
  }
}

inNetns(import.meta, () => {
  test("one data root: hosts of several folders, one after another and at once, and all of it taken back", async () => {
    using home = new TemporaryDirectory();
    await using main = new DaemonNode(home.path, "main");
    await main.serve();
    const [one, other] = [new Project(home.path, "one"), new Project(home.path, "other")];
    one.write(SETTINGS);

    // Shown and not done.
    const dry = await main.ask(["attach", "cursor", "-dry-run"], { cwd: one.folder });
    expect(dry).toMatchObject({ dry_run: true, host: "cursor", voice: "cursor-one", door: null });
    expect(dry.entry).toContain("voices/cursor-one/agent.sock");
    expect(one.text).toBe(SETTINGS);
    expect(existsSync(join(main.data, "voices"))).toBe(false);

    // Three at once, two of them in one folder: each has its voice, and none undoes what another did.
    const goose = { cwd: one.folder, env: { HOME: home.path, XDG_CONFIG_HOME: join(home.path, "config") } };
    const [attached] = await Promise.all([
      main.ask(["attach", "cursor"], { cwd: one.folder }),
      main.ask(["attach", "cursor"], { cwd: other.folder }),
      main.ask(["attach", "goose"], goose),
    ]);
    expect(attached).toMatchObject({
      event: "attached",
      door: null,
      running: null,
      skipped: [{ what: "door" }, { what: "test" }],
      test: null,
      version: expect.stringContaining("not on PATH"),
    });
    expect(one.entry?.env.ENTMOOT_AGENT_SOCKET).toBe(attached.agent_socket);
    expect(other.entry?.env.ENTMOOT_AGENT_SOCKET).toContain("voices/cursor-other/");
    expect((await main.ask(["attach", "-status"])).attached).toHaveLength(3);
    // The same folder twice at once.
    await Promise.all([
      main.ask(["attach", "cursor"], { cwd: one.folder }),
      main.ask(["attach", "cursor"], { cwd: one.folder }),
    ]);
    expect((await main.ask(["attach", "-status"])).attached).toHaveLength(3);

    // What was there before the first is there after the last, and where nothing was, nothing is.
    expect((await main.ask(["detach", "cursor"], { cwd: one.folder })).how).toBe("restored");
    expect(one.text).toBe(SETTINGS);
    expect((await main.ask(["detach", "cursor"], { cwd: other.folder })).how).toBe("restored");
    expect(readdirSync(other.folder)).toEqual([]);
    expect((await main.ask(["detach", "goose"], goose)).how).toBe("restored");
    expect(existsSync(join(home.path, "config"))).toBe(false);
    expect((await main.ask(["attach", "-status"])).attached).toEqual([]);

    // What its user writes meanwhile stays, also between two of ours, and a link to settings stays one.
    rmSync(join(one.folder, ".cursor"), { recursive: true });
    const elsewhere = join(home.path, "kept.json");
    writeFileSync(elsewhere, SETTINGS);
    mkdirSync(join(one.folder, ".cursor"));
    symlinkSync(elsewhere, one.file);
    await main.ask(["attach", "cursor"], { cwd: one.folder });
    writeFileSync(elsewhere, one.text.replace("// of mine", "// of mine, and more"));
    await main.ask(["attach", "cursor"], { cwd: one.folder });
    expect((await main.ask(["detach", "cursor"], { cwd: one.folder })).how).toBe("removed");
    expect(readFileSync(elsewhere, "utf8")).toBe(SETTINGS.replace("// of mine", "// of mine, and more"));
    expect(readdirSync(join(one.folder, ".cursor"), { withFileTypes: true })[0]!.isSymbolicLink()).toBe(true);
  });

  test("attach -status tells a host that was updated since, and a moot that its agent was removed from", async () => {
    using home = new TemporaryDirectory();
    await using main = new DaemonNode(home.path, "main");
    await main.serve();
    const project = new Project(home.path, "one");
    const programs = join(home.path, "programs");
    mkdirSync(programs);
    const install = (version: string) =>
      writeFileSync(join(programs, "cursor-agent"), `#!/bin/sh\necho ${version}\n`, { mode: 0o755 });
    install("1.0");
    const here = { cwd: project.folder, env: { PATH: `${programs}:${process.env.PATH}` } };
    const attached = await main.ask(["attach", "cursor"], here);
    expect(attached.version).toBe("1.0");
    const before = (await main.ask(["attach", "-status"], here)).attached[0];
    expect(before).toMatchObject({ moot: "member", version: "1.0" });
    expect(before.version_now).toBeUndefined();
    install("2.0");
    expect((await main.ask(["attach", "-status"], here)).attached[0]).toMatchObject({
      version: "1.0",
      version_now: "2.0",
    });

    const { members } = await main.ask(["call", "members", JSON.stringify({ group_id: attached.group_id })]);
    const { entmoot_pubkey: pubkey } = members.find(({ self }: { self?: boolean }) => self !== true);
    await main.ask(["roster", "remove", "-pubkey", pubkey]);
    const { attached: left } = await main.ask(["attach", "-status"], here);
    expect(left[0].moot).toMatch(/not a member any more: it hears nothing/);
    // Once more it is said what to do, and detach takes the entry back all the same.
    const again = await main.run(["attach", "cursor"], here);
    expect(again.status).not.toBe(0);
    expect(again.stderr).toContain("voice remove cursor-one");
    expect((await main.ask(["detach", "cursor"], here)).how).toBe("restored");
    expect(readdirSync(project.folder)).toEqual([]);
  });

  test("attached again, a voice that is there does not start, and one test message is unread, none once it is taken back", async () => {
    using home = new TemporaryDirectory();
    await using main = new DaemonNode(home.path, "main");
    await main.serve("-hostname", "main");
    const programs = join(home.path, "programs");
    mkdirSync(programs);
    // Installed and not running.
    writeFileSync(join(programs, "opencode"), "#!/bin/sh\necho 1.0\n", { mode: 0o755 });
    const here = { cwd: programs, env: { PATH: `${programs}:${process.env.PATH}` } };
    const oak = { env: { ENTMOOT_DATA: join(main.data, "voices", "oak") } };
    const unread = async () =>
      (await main.run(["inbox", "-json"], oak)).stdout.split("\n").filter((line) => line.includes("This is a test"));

    const first = await main.run(["attach", "opencode", "-as", "oak"], here);
    expect(first.stderr).toContain("voice oak starts\n");
    expect(first.stderr).toContain("voice oak is a member now");
    await eventually("the first test", async () => (await unread()).length === 1 || undefined);
    const again = await main.run(["attach", "opencode"], here);
    expect(again.stderr).toContain("voice oak runs and is a member already");
    expect(again.stderr).not.toContain("starts\n");
    const { test } = JSON.parse(again.stdout);
    await eventually("the second test alone", async () => {
      const [only, ...others] = await unread();
      return (others.length === 0 && only?.includes(test.message_id)) || undefined;
    });
    await main.ask(["detach", "opencode"], here);
    expect(await unread()).toEqual([]);
  });

  test("several hosts: -group alone speaks as this node, -as has a key of its own, and a link leads where this node makes none", async () => {
    using home = new TemporaryDirectory();
    await using main = new DaemonNode(home.path, "main");
    await using away = new DaemonNode(home.path, "away");
    await Promise.all([main.serve("-hostname", "main"), away.serve("-hostname", "away")]);
    const { group_id } = await main.ask(["group", "create", "-name", "council"]);
    const { link } = await main.ask(["invite", "link", "-group", group_id]);
    await away.ask(["join", link]);
    const names = async () => {
      const { members } = await main.ask(["call", "members", JSON.stringify({ group_id })]);
      return members.map(({ hostname }: { hostname: string }) => hostname).sort();
    };
    const project = new Project(home.path, "one");
    const here = { cwd: project.folder };

    // A consumer of the main data root: no key more, and its tools are of that moot alone.
    const own = await main.ask(["attach", "cursor", "-group", "council"], here);
    expect(own).toMatchObject({ voice: null, group_id, test: null });
    expect(own.agent_socket).toBe(join(main.data, "agent.sock"));
    const { args, command, env } = project.entry!;
    const client = new Client({ name: "test", version: "0" });
    await client.connect(new StdioClientTransport({ command, args: [...args], env: { ...env }, stderr: "ignore" }));
    const groups = await client.callTool({ name: "entmoot_groups", arguments: {} });
    expect(JSON.stringify(groups)).toContain("council");
    const sent = await client.callTool({
      name: "entmoot_send",
      arguments: { content: "as the node itself", group: group_id },
    });
    expect(sent.isError ?? false).toBe(false);
    await client.close();
    expect(await names()).toEqual(["away", "main"]);
    const { messages } = await main.group(group_id);
    expect(messages).toBe(1);

    // Its founder makes the link itself.
    const elm = await main.ask(["attach", "cursor", "-as", "elm", "-group", "council"], here);
    expect(elm).toMatchObject({ voice: "elm", group_id });
    expect(project.entry?.env.ENTMOOT_AGENT_SOCKET).toContain("voices/elm/");
    expect(await names()).toEqual(["away", "elm", "main"]);

    // The same again, however little is said, is the same agent; another voice is one whose messages go elsewhere, which is said.
    for (const words of [[], ["-as", "elm"]]) {
      expect(await main.ask(["attach", "cursor", ...words], here)).toMatchObject({ voice: "elm", group_id });
    }
    const renamed = await main.run(["attach", "cursor", "-as", "fir"], here);
    expect(renamed.stderr).toContain("attached here as elm");
    expect(renamed.stderr).toContain("voice remove elm");
    expect(await main.ask(["attach", "cursor", "-as", "elm", "-group", "council"], here)).toMatchObject({
      voice: "elm",
    });
    expect(await names()).toEqual(["away", "elm", "main"]);

    // Who is no founder is told to give one, and with one it joins.
    const refused = await away.run(["attach", "cursor", "-as", "oak", "-group", "council"], here);
    expect(refused.status).toBe(2);
    expect(refused.stderr).toContain("-link");
    const { link: made } = await main.ask(["invite", "link", "-group", group_id]);
    const oak = await away.ask(["attach", "cursor", "-as", "oak", "-link", made], here);
    expect(oak).toMatchObject({ voice: "oak", group_id, test: null });
    expect(await names()).toEqual(["away", "elm", "main", "oak"]);
    // Where this node is a member it says the test there itself.
    const program = join(home.path, "bin", "claude");
    mkdirSync(join(home.path, "bin"));
    writeFileSync(program, '#!/bin/sh\n[ "$1" = --version ] && echo 2.1.332\nexit 0\n', { mode: 0o755 });
    const { link: third } = await main.ask(["invite", "link", "-group", group_id]);
    const withClaude = { ...here, env: { HOME: home.path, PATH: `${join(home.path, "bin")}:${process.env.PATH}` } };
    const ash = await away.ask(["attach", "claude", "-as", "ash", "-link", third], withClaude);
    expect(ash).toMatchObject({ voice: "ash", group_id, test: { group_id } });
    const status = await away.run(["attach", "-status"], withClaude);
    // Of Cursor, into which nothing leads, nothing is said.
    expect(status.stderr).toStartWith(`attach: ash (Claude Code in ${project.folder}): nobody listens`);
    expect(status.stderr).toEndWith("; start Claude Code there\n");
    expect(status.stderr).not.toContain("Cursor");
    const { attached } = JSON.parse(status.stdout);
    expect(attached.find(({ voice }: { voice: string }) => voice === "ash")).toMatchObject({
      moot: "member",
      group_id,
    });
    // Where it is none, the test goes by the local moot, which the voice joins for that.
    await using far = new DaemonNode(home.path, "far");
    await far.serve("-hostname", "far");
    const { link: fourth } = await main.ask(["invite", "link", "-group", group_id]);
    const yew = await far.ask(["attach", "claude", "-as", "yew", "-link", fourth], withClaude);
    const local = (await far.group()).group_id;
    expect(local).not.toBe(group_id);
    expect(yew).toMatchObject({ voice: "yew", group_id, test: { group_id: local, state: "queued" } });
    const { link: fifth } = await main.ask(["invite", "link", "-group", group_id]);
    const ivy = await far.ask(["attach", "claude", "-as", "ivy", "-link", fifth, "-test=false"], withClaude);
    expect(ivy).toMatchObject({ voice: "ivy", group_id, test: null });
    const { members: inLocal } = await far.ask(["call", "members", JSON.stringify({ group_id: local })]);
    expect(inLocal.map(({ hostname }: { hostname: string }) => hostname).sort()).toEqual(["far", "yew"]);
    const both = await main.run(["attach", "cursor", "-group", "council", "-link", made], here);
    expect(both).toMatchObject({ status: 5, stderr: expect.stringContaining("one of -group and -link") });
  });
});
