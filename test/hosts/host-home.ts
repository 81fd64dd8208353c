import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { hostProgram } from "../../scripts/hosts/install.ts";
import type { HostName } from "../../scripts/hosts/pinned.ts";
import { eventually } from "../support/eventually.ts";
import type { HostEnv } from "./host-terminal.ts";

/**
 * A home directory and a project folder of their own for one host, and the environment it runs in: nothing of the
 * person's own is seen or changed. The path is short, as sockets in it have few bytes. Disposing it ends every process
 * that still runs with this home, and removes it.
 */
export class HostHome implements AsyncDisposable {
  readonly program: string;
  readonly path = mkdtempSync(join(tmpdir(), "eh-"));
  readonly project = join(this.path, "project");
  readonly env: HostEnv;

  constructor(host: HostName, env: (home: string) => HostEnv) {
    const program = hostProgram(host);
    if (program === undefined) throw new Error(`${host} is not installed: npm run hosts`);
    this.program = program;
    for (const name of ["project", "tmp", "run"]) mkdirSync(join(this.path, name), { mode: 0o700 });
    this.env = {
      PATH: process.env.PATH,
      HOME: this.path,
      TMPDIR: join(this.path, "tmp"),
      XDG_RUNTIME_DIR: join(this.path, "run"),
      LANG: "C.UTF-8",
      TERM: "xterm-256color",
      SHELL: "/bin/sh",
      // What a terminal would not have either.
      GIT_CONFIG_GLOBAL: "/dev/null",
      ...env(this.path),
    };
  }

  /** Runs one of the host's own commands to its end, and gives what it printed. Throws when it failed. */
  async run(args: readonly string[], input?: string): Promise<string> {
    const run = Bun.spawn([this.program, ...args], {
      cwd: this.project,
      env: this.env,
      stdin: input === undefined ? "ignore" : new Blob([input]),
      stdout: "pipe",
      stderr: "pipe",
    });
    const [status, stdout, stderr] = await Promise.all([run.exited, run.stdout.text(), run.stderr.text()]);
    if (status !== 0) throw new Error(`${args.join(" ")}: status ${status}\n${stdout}${stderr}`);
    return stdout;
  }

  /** The processes that have this home, whoever started them. */
  processes(): number[] {
    const mark = `\0HOME=${this.path}\0`;
    return readdirSync("/proc")
      .filter((name) => /^\d+$/.test(name))
      .filter((pid) => {
        try {
          return `\0${readFileSync(`/proc/${pid}/environ`, "latin1")}`.includes(mark);
        } catch {
          return false; // It has ended, or belongs to another user.
        }
      })
      .map(Number);
  }

  /** Resolves once nothing runs with this home. */
  async quiet(): Promise<void> {
    await eventually(`the end of every process of ${this.path}`, () =>
      this.processes().length === 0 ? true : undefined,
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await eventually("the end of what the host left running", () => {
      const left = this.processes();
      for (const pid of left) {
        try {
          process.kill(pid, "SIGKILL");
        } catch {
          // It has just ended.
        }
      }
      return left.length === 0 ? true : undefined;
    });
    rmSync(this.path, { recursive: true, force: true });
  }
}
