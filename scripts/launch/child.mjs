import { spawn } from "node:child_process";
import { constants } from "node:os";

/** Ours. A terminal's ^C reaches us twice, from the terminal and through npm; a person's second ^C comes later. */
const SAME_SIGNAL_MS = 400;

/**
 * Runs a program to its end with our stdin, stdout and stderr, and gives the exit status to end with.
 *
 * It leads a process group of its own, so a signal reaches it only through us: once, whether a terminal sent it to
 * the whole group, npm passed it on, or a supervisor sent it to this process alone.
 * @param {string} command @param {readonly string[]} args
 * @param {{ cwd: string, env?: NodeJS.ProcessEnv }} options @returns {Promise<number>}
 */
export function runChild(command, args, { cwd, env = process.env }) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd, env, stdio: "inherit", detached: process.platform !== "win32" });
    let last = { signal: "", atMs: 0 };
    const pass = (/** @type {NodeJS.Signals} */ signal) => {
      const now = Date.now();
      const repeatedByNpm = last.signal === signal && now - last.atMs < SAME_SIGNAL_MS;
      last = { signal, atMs: now };
      if (!repeatedByNpm) child.kill(signal);
    };
    const signals = /** @type {const} */ (["SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT", "SIGUSR1", "SIGUSR2"]);
    // Node keeps SIGUSR1 for its debugger unless someone listens.
    for (const signal of signals) process.on(signal, pass);
    const done = () => {
      for (const signal of signals) process.off(signal, pass);
    };
    child.on("error", (error) => {
      done();
      reject(new Error(`${command} cannot be started: ${error.message}`));
    });
    child.on("exit", (code, signal) => {
      done();
      resolve(code ?? 128 + (signal === null ? 1 : constants.signals[signal]));
    });
  });
}
