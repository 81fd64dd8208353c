import { describe, expect, test } from "bun:test";
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { BINARY } from "../support/binary.ts";
import { DaemonNode } from "../support/daemon.ts";
import { inNetns } from "../support/netns.ts";
import { TemporaryDirectory } from "../support/temporary-directory.ts";
import { TerminalProgram } from "../support/terminal-program.ts";

const AGENT = ["bootstrap", "agent"];
const FLEET = { ENTMOOT_ENABLE_FLEET: "1", ENTMOOT_ENABLE_TASKS: "1" };

inNetns(import.meta, () => {
  describe("bootstrap agent", () => {
    test("asks nothing, makes nothing and says what to run next, where nothing was said", async () => {
      using home = new TemporaryDirectory();
      await using node = new DaemonNode(home.path, "new");
      const said = await node.ask([...AGENT, "-yes", "-dry-run", "-json"]);
      expect(Object.keys(said)).toEqual([
        "dry_run",
        "applied",
        "runner",
        "agent_instructions",
        "live",
        "default_moot",
        "commands",
        "runtime",
        "changed",
      ]);
      expect(said).toMatchObject({
        dry_run: true,
        applied: false,
        runner: "none",
        agent_instructions: false,
        live: { enabled: false },
        default_moot: { choice: "skip" },
        commands: [expect.stringMatching(/ serve$/)],
        runtime: { runtime_status: "down" },
      });
      expect(await node.ask([...AGENT, "-json", "-live-mode", "off"])).toMatchObject({
        applied: false,
        changed: false,
      });
      expect(await node.ask([...AGENT, "-json", "-runner", "none"])).toMatchObject({ changed: false });
      const joining = await node.ask([...AGENT, "-json", "-default-moot", " JOIN "]);
      expect(joining).toMatchObject({
        applied: false,
        default_moot: { choice: "join", warnings: [expect.any(String)] },
      });
      expect(joining.commands).toEqual([
        expect.stringMatching(/ default-moot join$/),
        expect.stringMatching(/ serve$/),
      ]);
      const { stdout } = await node.run([...AGENT, "-default-moot", "declined", "-dry-run"]);
      expect(stdout.split("\n").slice(0, -3)).toEqual([
        "bootstrap agent: dry run",
        "runner: none",
        "agent_instructions: false",
        "live: disabled",
        "default_moot: declined",
      ]);
      expect(existsSync(node.data)).toBe(false);
    });

    test("refuses what cannot be, says what to give instead, and makes nothing", async () => {
      using home = new TemporaryDirectory();
      await using node = new DaemonNode(home.path, "new");
      const plain = join(home.path, "plain file");
      writeFileSync(plain, "");
      for (const [flags, why] of [
        [["-yes", "-interactive"], "use either --yes or --interactive, not both"],
        [["-interactive"], "--interactive requires a terminal; pass flags or use --yes for defaults"],
        [["-runner", "sh"], "-runner: expected one of none, custom, openclaw"],
        [["-runner", "custom"], "-runner-command is required"],
        [["-runner", "openclaw", "-runner-command", "sh"], "-runner-command is only for -runner custom"],
        [["-runner", "custom", "-runner-command", "sh -c true"], "without arguments"],
        [["-runner", "custom", "-runner-command", "no-such-program"], "not found on PATH"],
        [["-runner", "custom", "-runner-command", join(home.path, "none")], "nothing is at"],
        [["-runner", "custom", "-runner-command", home.path], "is a folder"],
        [["-runner", "custom", "-runner-command", plain], "chmod +x"],
        [["-agent-instructions"], "require ENTMOOT_ENABLE_FLEET=1 and ENTMOOT_ENABLE_TASKS=1"],
        [["-default-moot", "maybe"], "--default-moot must be skip, join, or decline"],
        [["-live-mode", "shout"], "-live-mode: expected one of off, listen"],
        [["-live-mode", "listen"], "-group is required"],
        [["-live-mode", "listen", "-group", "council"], "-node is required"],
        [["-live-mode", "listen", "-group", "council", "-node", "0"], "-node: expected a whole number"],
        [["-live-mode", "off", "-topic", "a/#/b"], "-topic"],
        [["-live-mode", "off", "-action", "shell.run"], "unknown -action value(s): "],
        [["-live-mode", "off", "-action", " , "], "live action list cannot be empty"],
        [["-live-mode", "off", "-action", "task.create,command.send,reply"], ": command.send, task.create"],
        [["-live-mode", "off", "-max-actions", "-1"], "-max-actions"],
        [["-live-mode", "off", "-max-action-bytes", "x"], "-max-action-bytes"],
        [["-group", "council"], "-group is for -live-mode and -attach"],
        [["-node", "7"], "-node is for -live-mode"],
        [["-as", "oak"], "-as is for -attach"],
        [["-attach", "emacs"], "-attach: expected one of claude"],
      ] as const) {
        const { status, stderr, stdout } = await node.run([...AGENT, ...flags]);
        const [flag, value] = why.split(": expected a whole number");
        const expected = value === undefined ? why : flag!;
        expect({ flags, status, stdout, stderr }).toEqual({
          flags,
          status: 5,
          stdout: "",
          stderr: expect.stringContaining(expected),
        });
      }
      expect(existsSync(node.data)).toBe(false);
      // What is not there is no matter of the words.
      const live = [...AGENT, "-live-mode", "listen", "-node", "7", "-group"];
      expect((await node.run([...live, "council"])).status).toBe(3);
      expect(existsSync(node.data)).toBe(false);
    });

    test("keeps what was said, once; the same again changes nothing, with a daemon and without", async () => {
      using home = new TemporaryDirectory();
      await using node = new DaemonNode(home.path, "new", { env: FLEET });
      const runner = join(home.path, "my agent");
      writeFileSync(runner, "#!/bin/sh\n");
      chmodSync(runner, 0o755);
      const first = [...AGENT, "-json", "-runner", "custom", "-runner-command", runner, "-agent-instructions"];
      expect(await node.ask(first)).toMatchObject({ applied: true, changed: true, runner_command: runner });
      const again = await node.ask(first);
      expect(again).toMatchObject({ applied: true, changed: false, agent_instructions: true });
      expect(again.commands).toEqual([expect.stringMatching(/^ENTMOOT_AGENT_INSTRUCTIONS=1 .* serve$/)]);
      const { group_id } = await node.ask(["group", "create", "-name", "council"]);
      const { pilot_node_id } = await node.ask(["info"]);
      const liveAs = (id: number, ...flags: string[]) => [
        ...AGENT,
        "-json",
        "-live-mode",
        "operator",
        "-group",
        "council",
        "-node",
        `${id}`,
        ...flags,
      ];
      expect(await node.run(liveAs(7))).toMatchObject({
        status: 2,
        stderr: expect.stringContaining(`this node is ${pilot_node_id} in that moot`),
      });
      const live = liveAs(pilot_node_id, "-topic", "chat/#,news", "-topic", "a", "-max-actions", "2");
      expect(await node.ask([...live, "-dry-run"])).toMatchObject({ dry_run: true, applied: false, changed: false });
      expect(await node.ask([...AGENT, "-json"])).toMatchObject({ live: { enabled: false } });
      const kept = await node.ask(live);
      expect(kept).toMatchObject({
        applied: true,
        changed: true,
        live: { enabled: true, group: "council", group_id, node_id: pilot_node_id, mode: "operator" },
        applied_live_config: { topic_filters: ["a", "chat/#", "news"], max_actions_per_scan: 2 },
      });
      expect(kept.applied_live_config.allowed_actions).toHaveLength(14);
      expect(kept.warnings).toContainEqual(expect.stringContaining("agent-live is not built"));
      const files = () =>
        ["identity.json", "default_moot.json"].map((name) => readFileSync(join(node.data, name), "utf8"));
      const env = { ENTMOOT_DEFAULT_MOOT_DESCRIPTOR_URL: "http://127.0.0.1:1/x.json" };
      // Which moot is declined cannot be asked for here: the owner's no is kept all the same, once.
      const decline = () => node.run([...AGENT, "-default-moot", "decline"], { env });
      expect(await decline()).toMatchObject({ status: 0, stdout: expect.stringContaining("default_moot: declined") });
      const once = files();
      expect(await decline()).toMatchObject({ status: 0 });
      expect(files()).toEqual(once);
      await using alone = new DaemonNode(home.path, "alone", { env });
      expect(await alone.ask([...AGENT, "-json", "-default-moot", "decline"])).toMatchObject({
        applied: true,
        default_moot: { choice: "declined" },
      });
      const said = readFileSync(join(alone.data, "default_moot.json"), "utf8");
      await alone.ask([...AGENT, "-json", "-default-moot", "decline"]);
      expect(readFileSync(join(alone.data, "default_moot.json"), "utf8")).toBe(said);
      // What is not said stays.
      const later = await node.ask(live);
      expect(later).toMatchObject({ changed: false, runner_command: runner });
      expect(later.applied_live_config).toEqual(kept.applied_live_config);
      const { stdout } = await node.run(AGENT);
      expect(stdout).toContain(`live: enabled mode=operator group=${group_id} node=${pilot_node_id}\n`);
      expect(stdout).toContain("live_topics: a,chat/#,news\n");
      expect(await node.ask([...AGENT, "-json", "-live-mode", "off"])).toMatchObject({
        changed: false,
        warnings: expect.arrayContaining([expect.stringContaining("-live-mode off -group GROUP")]),
      });
      const off = [...AGENT, "-json", "-live-mode", "off", "-group", "council"];
      expect(await node.ask(off)).toMatchObject({ changed: true, live: { enabled: false } });
      expect(await node.ask(off)).toMatchObject({ changed: false, live: { enabled: false } });
    });

    test("asks on a terminal, asks again what will not do, and ends with an agent attached, once", async () => {
      using home = new TemporaryDirectory();
      const project = join(home.path, "oak");
      const bin = join(home.path, "bin");
      for (const folder of [project, bin]) mkdirSync(folder);
      // Cursor is set up by its file alone; that it is there is asked of its program.
      writeFileSync(join(bin, "cursor-agent"), "#!/bin/sh\necho 1.0\n", { mode: 0o755 });
      const env = { PATH: `${bin}:${process.env.PATH}` };
      await using node = new DaemonNode(home.path, "new", { env });
      const attach = [...AGENT, "-json", "-attach", "cursor", "-as", "oak"];
      expect(await node.run(attach, { cwd: project })).toMatchObject({
        status: 6,
        stderr: expect.stringContaining("entmootd serve"),
      });
      expect(existsSync(node.data)).toBe(false);
      await node.serve();
      const { group_id } = await node.ask(["group", "create", "-name", "council"]);
      const { pilot_node_id } = await node.ask(["info"]);

      const questions = (...flags: string[]) =>
        new TerminalProgram([BINARY, ...AGENT, "-interactive", ...flags], node.environment, { isDrawn: false });
      {
        // One that says no width, as a serial line.
        const command = ["sh", "-c", 'stty cols 0 rows 0; exec "$@"', "sh", BINARY, ...AGENT, "-interactive"];
        await using terminal = new TerminalProgram(command, node.environment, { isDrawn: false });
        await terminal.saw("runner:");
        terminal.type("\x03");
        await terminal.saw("nothing was changed");
      }
      await using terminal = questions("-group", "council");
      await terminal.saw("runner:");
      terminal.type("\x1b[B\r");
      await terminal.saw("custom runner command");
      terminal.type("no-such-program\r");
      await terminal.saw("is not found on PATH");
      terminal.type(`${"\x7f".repeat(20)}sh\r`);
      await terminal.saw("The Ent Moot");
      terminal.type("\r");
      await terminal.saw("live mode");
      terminal.type("\x1b[B\x1b[B\r");
      await terminal.saw("live group");
      terminal.type("\r");
      await terminal.saw("live topics");
      terminal.type("\r");
      await terminal.saw("attach the agent");
      terminal.type("\r");
      await terminal.saw("bootstrap agent: applied");
      await terminal.saw(`mode=reply_on_mention group=${group_id} node=${pilot_node_id}`);

      expect(await node.ask([...attach, "-dry-run"], { cwd: project })).toMatchObject({
        runner: "custom",
        runner_command: "sh",
        attached: { dry_run: true, voice: "oak" },
        commands: [expect.stringMatching(/ attach cursor -as oak$/)],
      });
      expect(existsSync(join(project, ".cursor"))).toBe(false);
      const first = await node.ask(attach, { cwd: project });
      expect(first).toMatchObject({ changed: true, attached: { event: "attached", host: "cursor", voice: "oak" } });
      const entry = readFileSync(join(project, ".cursor", "mcp.json"), "utf8");
      const kept = readFileSync(join(node.data, "attachments.json"), "utf8");
      expect(await node.ask(attach, { cwd: project })).toMatchObject({
        changed: false,
        attached: { already: true, voice: "oak", group_id: first.attached.group_id },
      });
      expect(readFileSync(join(project, ".cursor", "mcp.json"), "utf8")).toBe(entry);
      expect(readFileSync(join(node.data, "attachments.json"), "utf8")).toBe(kept);
      expect((await node.ask(["attach", "-status"], { cwd: project })).attached).toMatchObject([{ host: "cursor" }]);
    });
  });
});
