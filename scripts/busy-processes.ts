/** Ours. On two processors they leave a program that is never idle a quarter of what it has alone. */
export const BUSY_DEFAULT = 6;

/** Turns without end, until the process that began it is no longer its parent: however that one ended. */
const SPIN = `
  const began = Number(process.argv.at(-1));
  while (process.ppid === began) for (const until = performance.now() + 50; performance.now() < until; );`;

/** Processes that take from others what processor time they can get, from now until this is disposed of. */
export class BusyProcesses implements AsyncDisposable {
  readonly #children;

  constructor(count: number) {
    this.#children = Array.from({ length: count }, () =>
      Bun.spawn([process.execPath, "-e", SPIN, `${process.pid}`], {
        stdin: "ignore",
        stdout: "ignore",
        stderr: "ignore",
      }),
    );
  }

  get pids(): readonly number[] {
    return this.#children.map(({ pid }) => pid);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const child of this.#children) child.kill("SIGKILL");
    await Promise.all(this.#children.map(({ exited }) => exited));
  }
}
