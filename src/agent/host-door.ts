import type { AnswerWays } from "../core/agents/envelope.ts";
import type { Clock } from "../core/clock.ts";
import type { Log } from "../host/log.ts";
import { aborted, unlessAborted } from "../transport/wait.ts";
import { claudeSession } from "./claude/claude-session.ts";
import { ClaudeInboxDoor } from "./claude/inbox-door.ts";
import { codexHome, codexSocket, ownThread } from "./codex/own-thread.ts";
import { CodexThreadDoor } from "./codex/thread-door.ts";
import type { HostDoor } from "./door.ts";
import type { HostSight } from "./host-sight.ts";

/** The host that started this process as one of its MCP servers, and the way into it. */
export interface FoundHost {
  readonly door: HostDoor;
  readonly host: string;
  /** Which of the agents of a voice: of two connections of one, the last counts. */
  readonly agent: string;
  readonly ways: AnswerWays;
  /** Aborts once the way leads to nobody any more. */
  readonly until: AbortSignal;
}

export interface HostDoorParts {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly clock: Clock;
  readonly log: Log;
  readonly sight: HostSight;
  readonly cwd: string;
  readonly version: string;
}

type HostName = "claude" | "codex";

/** How a model answers by the tools of `entmootd mcp`, which its host may keep back until it searches for them. */
const TOOL_WAYS: AnswerWays = {
  reply: 'call the tool entmoot_reply(id="ID", content="…"), and search your tools for "entmoot" if you do not see it',
  acknowledge: 'call entmoot_ack(id="ID")',
  read: 'call entmoot_read(id="ID")',
};

/** As hosts call themselves where they call tools. */
const NAMES: Readonly<Record<string, HostName>> = { "codex-mcp-client": "codex" };

/**
 * Ways into the host that started this process, one after the other: the next is looked for once whoever took the last one
 * asks again. Ends when `signal` aborts, and at once where no host with a way in started it: its agent then asks for what waits
 * by itself.
 */
export async function* hostDoors(parts: HostDoorParts, signal: AbortSignal): AsyncGenerator<FoundHost> {
  const host = await hostOf(parts, signal);
  if (host === "claude") yield* claudeDoor(parts, signal);
  if (host === "codex") yield* codexDoors(parts, signal);
}

/** What set-up said, what the environment shows, and else what the host says of itself. */
async function hostOf({ env, sight }: HostDoorParts, signal: AbortSignal): Promise<HostName | undefined> {
  const { ENTMOOT_HOST: told } = env;
  if (told === "claude" || told === "codex") return told;
  if (claudeSession(env) !== undefined) return "claude";
  const name = await unlessAborted(sight.name, signal);
  return name === undefined ? undefined : NAMES[name];
}

function* claudeDoor({ clock, env }: HostDoorParts, signal: AbortSignal): Generator<FoundHost> {
  const session = claudeSession(env);
  if (session === undefined) return;
  const door = new ClaudeInboxDoor(session, { clock, from: "entmoot" });
  yield { door, host: "claude", agent: `claude ${session.sessionId}`, ways: TOOL_WAYS, until: signal };
}

async function* codexDoors(parts: HostDoorParts, signal: AbortSignal): AsyncGenerator<FoundHost> {
  const { clock, env, version } = parts;
  const home = codexHome(env);
  const socket = codexSocket(home);
  while (!signal.aborted) {
    const threadId = await ownThread({ ...parts, socket }, signal);
    if (threadId === undefined) return;
    await using door = new CodexThreadDoor({ clock, home, socket, threadId, version });
    const until = new AbortController();
    const watching = new AbortController();
    void door.gone(AbortSignal.any([signal, watching.signal])).then(() => until.abort());
    try {
      yield { door, host: "codex", agent: `codex ${threadId}`, ways: TOOL_WAYS, until: until.signal };
      // Who gave it up before has his reasons, which end with it.
      await aborted(until.signal);
    } finally {
      watching.abort();
    }
  }
}
