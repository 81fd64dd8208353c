import { expect, setDefaultTimeout, test } from "bun:test";
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { BINARY } from "../support/binary.ts";
import { DaemonNode, eventually } from "../support/daemon.ts";
import { inNetns } from "../support/netns.ts";
import { TemporaryDirectory } from "../support/temporary-directory.ts";

setDefaultTimeout(60_000);

/** An agent on a terminal: it answers each message that is typed into it by the command that the message names. */
const AGENT = `
process.stdout.write("\\x1b[?2004h> ");
process.stdin.setRawMode(true);
let typed = "";
process.stdin.on("data", (bytes) => {
  typed += bytes.toString();
  if (!typed.endsWith("\\r")) {
    process.stdout.write("\\r\\x1b[K> [Pasted text]");
    return;
  }
  const id = /id="([^"]+)"/.exec(typed)?.[1];
  typed = "";
  process.stdout.write("\\r\\x1b[K* working\\r\\n");
  const run = Bun.spawnSync([process.env.BINARY, "reply", id, "-content", "four"], { env: process.env });
  process.stdout.write((run.exitCode === 0 ? "answered" : run.stderr.toString()) + "\\r\\n> ");
});
`;

inNetns(import.meta, () => {
  test("attach -agent -- COMMAND: a message is typed into a program on a terminal, and its answer reaches who asked", async () => {
    using home = new TemporaryDirectory();
    await using main = new DaemonNode(home.path, "main");
    await main.serve();
    // The runtime takes what stands behind a question mark in a path for something else.
    const folder = mkdtempSync(join(tmpdir(), "entmoot-agent-"));
    using _folder = { [Symbol.dispose]: () => rmSync(folder, { recursive: true }) };
    const script = join(folder, "agent.ts");
    writeFileSync(script, AGENT);
    // By its command line a shell that reads commands, which nothing is typed into unless its user says that an agent reads.
    const shell = join(folder, "sh");
    symlinkSync(process.execPath, shell);
    let shown = "";
    const attached = Bun.spawn([BINARY, "attach", "-as", "oak", "-agent", "--", shell, script, "-s"], {
      env: { ...main.environment, BINARY, TERM: "xterm-256color" },
      terminal: {
        cols: 80,
        rows: 24,
        data(_terminal, bytes) {
          shown += Buffer.from(bytes).toString();
        },
      },
    });
    await using _end = {
      async [Symbol.asyncDispose]() {
        attached.kill("SIGKILL");
        await attached.exited;
      },
    };
    const listening = await eventually(
      "it listens",
      async () => {
        const { voices } = await main.ask(["voice", "list"]);
        if (voices[0]?.state !== "running") return undefined;
        const { listeners } = await new DaemonNode(join(main.data, "voices"), "oak").ask(["call", "deliveries", "{}"]);
        return listeners[0];
      },
      20_000,
    ).catch((cause) => {
      throw new Error(shown, { cause });
    });
    // What is attached is seen while it runs, and what became of its test message: its agent answers it, as it answers everything.
    await eventually("the test message is answered", async () => {
      const { attached: shown } = await main.ask(["attach", "-status"]);
      return (shown[0]?.host === "terminal" && shown[0].test === "answered") || undefined;
    }).catch((cause) => {
      throw new Error(shown, { cause });
    });
    expect(listening).toMatchObject({ door: expect.stringContaining("terminal"), can_wake: true });
    const { members } = await main.ask([
      "call",
      "members",
      JSON.stringify({ group_id: (await main.group()).group_id }),
    ]);
    const oak = members.find(({ self }: { self?: boolean }) => self !== true);
    const asked = await main.ask(["publish", "-topic", "chat", "-content", `@${oak.node_id} two and two?`]);
    const answer = await eventually("an answer", async () => {
      const { rows } = await main.ask(["call", "inbox", "{}"]);
      return rows.find(
        ({ content, references }: { content: string; references: string[] }) =>
          Buffer.from(content, "base64").toString() === "four" && references.includes(asked.message_id),
      );
    }).catch((cause) => {
      throw new Error(shown, { cause });
    });
    expect(answer.references).toHaveLength(1);
    expect(shown).toContain("answered");
    attached.kill("SIGTERM");
    await attached.exited;
    expect(shown).toContain("the test message is answered (");
    expect((await main.ask(["attach", "-status"])).attached).toEqual([]);
  });

  test("setup -print shows what each host would be told, and changes nothing", async () => {
    using home = new TemporaryDirectory();
    const main = new DaemonNode(home.path, "main");
    for (const host of ["claude", "codex", "opencode", "gemini", "cursor", "copilot", "goose", "openclaw"]) {
      const shown = await main.ask(["setup", host, "-print"]);
      expect(shown.host).toBe(host);
      expect(shown.how).toContain("agent.sock");
    }
    const { status, stderr } = await main.run(["setup", "emacs", "-print"]);
    expect(status).toBe(5);
    expect(stderr).toContain("claude, codex, opencode");
  });

  test("what is no host, has no program, or no daemon, is told with the next step", async () => {
    using home = new TemporaryDirectory();
    await using main = new DaemonNode(home.path, "main");
    const env = { PATH: home.path };
    for (const [args, said] of [
      [["attach"], "expected a host"],
      [["attach", "emacs"], "attach -- COMMAND"],
      [["attach", "claude"], "no program claude is on PATH"],
      [["attach", "-as", "../x", "claude"], "-as"],
      [["attach", "claude", "-url", "http://127.0.0.1:1"], "-url is for opencode"],
      [["attach", "opencode", "-url", "http://example.org"], "expected an address of this machine"],
      [["attach", "claude", "-wait", "soon"], "-wait"],
      [["detach", "claude"], "not attached"],
      [["attach", "--", "true"], "no running Entmoot daemon"],
    ] as const) {
      const { status, stderr } = await main.run([...args], { env });
      expect({ args, status }).not.toEqual({ args, status: 0 });
      expect(stderr).toContain(said);
    }
  });
});
