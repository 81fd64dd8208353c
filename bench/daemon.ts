import { readFileSync } from "node:fs";
import { ControlClient } from "../src/control/control-client.ts";
import { realClock } from "../src/host/real-clock.ts";
import { type Programs, temporaryDirectory } from "./programs.ts";

/** Ours. A daemon that is not ready by then is broken. */
const READY_MS = 20_000;

type BenchProcess = Bun.Subprocess<"ignore", "pipe", "inherit">;

/** A compiled daemon with a data root of its own, on loopback. Disposing it ends the process. */
export class BenchDaemon implements AsyncDisposable {
  readonly dataDir: string;
  readonly pid: number;
  readonly #entmootd: string;
  readonly #process: BenchProcess;

  /** What it says when it serves. */
  readonly ready: Readonly<Record<string, unknown>>;

  private constructor(
    entmootd: string,
    { dataDir, process, ready }: Pick<BenchDaemon, "dataDir" | "ready"> & { process: BenchProcess },
  ) {
    this.#entmootd = entmootd;
    this.ready = ready;
    this.#process = process;
    this.dataDir = dataDir;
    this.pid = process.pid;
  }

  /** Resolves when it says that it serves. */
  static async start(
    { entmootd }: Programs,
    dataDir = temporaryDirectory(),
    more: readonly string[] = [],
  ): Promise<BenchDaemon> {
    const flags = [...more, "-data", dataDir, "-relay", "off", "-iroh-bind", "127.0.0.1,::1", "-lan", "off"];
    const process = Bun.spawn([entmootd, "serve", ...flags, "-log-level", "error"], {
      stdin: "ignore",
      stdout: "pipe",
      stderr: "inherit",
    });
    const late = setTimeout(() => process.kill(), READY_MS);
    const { value } = await process.stdout.getReader().read();
    clearTimeout(late);
    if (value === undefined)
      throw new Error(`entmootd serve ended with status ${await process.exited} before it was ready`);
    return new BenchDaemon(entmootd, { dataDir, process, ready: JSON.parse(new TextDecoder().decode(value)) });
  }

  /** The last line that a command prints for this daemon, parsed. */
  run(...args: string[]): Record<string, unknown> {
    const run = Bun.spawnSync([this.#entmootd, "-data", this.dataDir, ...args], { stdin: "ignore" });
    if (run.exitCode !== 0) throw new Error(`entmootd ${args.join(" ")}: status ${run.exitCode}: ${run.stderr}`);
    return JSON.parse(run.stdout.toString().trim().split("\n").at(-1)!);
  }

  /** Makes a group without limits on what is published, and gives its id. */
  createGroup(): string {
    return String(this.run("group", "create", "-name", "bench", "-policy", "none").group_id);
  }

  /** Takes `other` into `group`; resolves when it has joined. */
  admit(other: BenchDaemon, group: string): void {
    const { link } = this.run("invite", "link", "-group", group);
    other.run("join", String(link));
  }

  async client(): Promise<ControlClient> {
    const client = await ControlClient.connect(this.dataDir, realClock);
    if (client === undefined) throw new Error(`the daemon of ${this.dataDir} has ended`);
    return client;
  }

  /** A line of its /proc/PID/status, in bytes. */
  memory(field: MemoryField): number {
    return memoryOf(this.pid, field);
  }

  /** Milliseconds of the processors that it has used so far, in steps of ten. */
  get processorMs(): number {
    // Behind the name, which may hold blanks: state is the first of these.
    const fields = readFileSync(`/proc/${this.pid}/stat`, "utf8").split(") ")[1]!.split(" ");
    return (Number(fields[11]) + Number(fields[12])) * 10;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#process.kill();
    await this.#process.exited;
  }
}

type MemoryField = "RssAnon" | "VmHWM";

/** What /proc/PID/status says of a process, in bytes. */
export function memoryOf(pid: number, field: MemoryField): number {
  const line = new RegExp(`^${field}:\\s+(\\d+) kB$`, "m").exec(readFileSync(`/proc/${pid}/status`, "utf8"));
  if (line === null) throw new Error(`/proc/${pid}/status has no ${field}`);
  return Number(line[1]) * 1024;
}
