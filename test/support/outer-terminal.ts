import { join } from "node:path";
import { TerminalScreen } from "../../src/agent/terminal/terminal-screen.ts";
import { eventually } from "./eventually.ts";

const HOST = join(import.meta.dir, "terminal-host.ts");

/** `command` run by `terminal-host.ts` on a terminal of ours, directly or by a shell line in which `"$@"` stands for that. */
export async function outerTerminal(command: readonly string[], shellLine?: string) {
  const sent: Uint8Array[] = [];
  const screen = await TerminalScreen.open({ size: { columns: 80, rows: 24 }, onChange: () => {} });
  const host = [process.execPath, HOST, ...command];
  const child = Bun.spawn(shellLine === undefined ? host : ["sh", "-mc", shellLine, "sh", ...host], {
    env: { PATH: process.env.PATH, TERM: "xterm-256color", HOME: "/nonexistent" },
    terminal: {
      cols: 80,
      rows: 24,
      data: (_terminal, bytes) => {
        sent.push(bytes.slice());
        screen.feed(bytes.slice());
      },
    },
  });
  const terminal = child.terminal!;
  const flags = () => [terminal.inputFlags, terminal.outputFlags, terminal.localFlags];
  const before = flags();
  const text = () => Buffer.concat(sent).toString("latin1");
  const when = async <T>(what: string, look: () => T | undefined) => {
    try {
      return await eventually(what, look);
    } catch (cause) {
      throw new Error(`${what}\n--- terminal\n${screen.view.rows.join("\n")}\n--- end\n${text().slice(-2_000)}`, {
        cause,
      });
    }
  };
  return {
    pid: child.pid,
    child,
    screen,
    terminal,
    text,
    bytes: () => Buffer.concat(sent),
    /** Of this terminal: whether it gathers lines, as it did before. */
    isAsBefore: () => String(flags()) === String(before),
    type: (keys: string) => terminal.write(keys),
    saw: (what: string, times = 1) =>
      when(`${times} times: ${what}`, () => (text().split(what).length > times ? true : undefined)),
    when,
    ended: () => when("its end", () => child.exitCode ?? undefined),
    async [Symbol.asyncDispose]() {
      if (child.exitCode === null) child.kill("SIGKILL");
      await child.exited;
      if (!terminal.closed) terminal.close();
      screen[Symbol.dispose]();
    },
  };
}
