import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";

/**
 * How to start npm: the one that started us, else the one beside Node, else the one on PATH.
 * @returns {{ command: string, args: string[] }}
 */
export function npmCommand() {
  // Under Bun `process.execPath` is Bun; the launcher leaves Node's path in the environment.
  const node = process.env.ENTMOOT_NODE ?? (process.versions.bun ? "node" : process.execPath);
  const running = process.env.npm_execpath;
  if (running !== undefined && /npm-cli\.c?js$/.test(running) && existsSync(running)) {
    return { command: node, args: [running] };
  }
  const beside = join(dirname(node), "../lib/node_modules/npm/bin/npm-cli.js");
  if (existsSync(beside)) return { command: node, args: [beside] };
  return { command: process.platform === "win32" ? "npm.cmd" : "npm", args: [] };
}

/**
 * Runs npm to its end. Its own output goes to our stderr, so that stdout stays the task's; what it wrote
 * to stderr is also returned, at most the last 16 KiB.
 * @param {readonly string[]} args
 * @param {{ cwd: string, signal?: AbortSignal, quiet?: boolean }} options
 * @returns {Promise<{ status: number, stdout: string, stderr: string }>}
 */
export function runNpm(args, { cwd, signal, quiet = false }) {
  const npm = npmCommand();
  // The key that signs releases is for this project's own code only.
  const { ENTMOOT_RELEASE_KEY: _, ...env } = process.env;
  return new Promise((resolve, reject) => {
    const child = spawn(npm.command, [...npm.args, ...args], {
      cwd,
      env,
      stdio: ["ignore", "pipe", "pipe"],
      ...(signal === undefined ? {} : { signal, killSignal: "SIGTERM" }),
    });
    let [stdout, stderr] = ["", ""];
    child.stdout.setEncoding("utf8").on("data", (text) => {
      stdout += text;
      if (!quiet) process.stderr.write(text);
    });
    child.stderr.setEncoding("utf8").on("data", (text) => {
      stderr = (stderr + text).slice(-16_384);
      if (!quiet) process.stderr.write(text);
    });
    child.on("error", reject);
    child.on("close", (code) => resolve({ status: code ?? 1, stdout, stderr }));
  });
}

/**
 * Why npm failed and what to do next, in one line.
 * @param {string} stderr
 */
export function explainNpmFailure(stderr) {
  if (/ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|ENETUNREACH|EHOSTUNREACH|network/i.test(stderr)) {
    return "the package registry cannot be reached; connect to the internet (or set npm's proxy or registry) and run the same command again";
  }
  if (/ENOSPC/.test(stderr)) return "the disk is full; free about 1 GB and run the same command again";
  if (/EACCES|EPERM|EROFS/.test(stderr)) {
    return "node_modules cannot be written; make this directory yours and run the same command again";
  }
  if (/EINTEGRITY/.test(stderr)) {
    return 'a package differs from the lock file; empty npm\'s cache with "npm cache clean --force" and run the same command again';
  }
  return `npm says: ${reasonOf(stderr)}; mend that and run the same command again`;
}

/** What npm writes before each line of a failure, and the lines that say nothing. */
const NPM_ERROR = /^npm (?:error|ERR!)\s*/;
const EMPTY_WORDS = /^(?:\d{3}|A complete log of this run .*)?$/;

/** The lines of npm's own that say why, at most three. @param {string} stderr */
function reasonOf(stderr) {
  const lines = stderr.split("\n").filter((line) => NPM_ERROR.test(line));
  const said = lines.map((line) => line.replace(NPM_ERROR, "").trim()).filter((line) => !EMPTY_WORDS.test(line));
  return said.slice(0, 3).join("; ").slice(0, 500) || "nothing";
}
