import { later } from "../../core/clock.ts";
import { textOf } from "../../core/errors.ts";
import { pause } from "../../transport/wait.ts";
import type { HostSetup } from "../setup/host-setup.ts";
import { processesOf } from "./processes.ts";
import type { RunningHost, RunningParts } from "./running.ts";
import { runningClaude } from "./running-claude.ts";
import { runningCodex } from "./running-codex.ts";
import { runningOpencode } from "./running-opencode.ts";

/** Ours. A host that has just been started says nothing of itself for a while. */
const STARTING_MS = 30_000;
const LOOK_EVERY_MS = 250;

/** `undefined` where none is seen. Changes nothing in the host but that it starts our tools, where it can be asked for that. */
export async function runningHost(setup: HostSetup, parts: RunningParts): Promise<RunningHost | undefined> {
  const { clock, places, signal } = parts;
  const giveUpAt = later(clock.steady(), STARTING_MS);
  for (;;) {
    const found = await seen(setup.host, parts);
    if (found !== undefined) return found;
    const [pid] = processesOf(setup.program, places.project);
    if (pid === undefined) return undefined;
    if (isUnreachable(setup.host) || signal.aborted || clock.steady() >= giveUpAt) {
      return { kind: "deaf", shown: `process ${pid}`, why: "it reads which tools there are at its start" };
    }
    await pause(clock, LOOK_EVERY_MS, signal);
  }
}

/** opencode listens nowhere but at an address that its user names, which was asked. */
function isUnreachable(host: string): boolean {
  return host !== "claude" && host !== "codex";
}

async function seen(host: string, parts: RunningParts): Promise<RunningHost | undefined> {
  try {
    if (host === "claude") return runningClaude(parts);
    if (host === "codex") return await runningCodex(parts);
    if (host === "opencode") return await runningOpencode(parts);
    return undefined;
  } catch (error) {
    return { kind: "deaf", shown: host, why: textOf(error) };
  }
}
