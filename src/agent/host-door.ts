import { homedir } from "node:os";
import { join } from "node:path";
import * as v from "valibot";
import type { AnswerWays } from "../core/agents/envelope.ts";
import type { Clock } from "../core/clock.ts";
import { textOf } from "../core/errors.ts";
import type { Log } from "../host/log.ts";
import { aborted, pause, unlessAborted } from "../transport/wait.ts";
import { ClaudeChannelDoor, type PushToChannel } from "./claude/channel-door.ts";
import { agentOf, type ClaudeConversation, claudeConversation, claudeSession } from "./claude/claude-session.ts";
import { ClaudeInboxDoor } from "./claude/inbox-door.ts";
import { ClaudeMonitorDoor, type SayEvent } from "./claude/monitor-door.ts";
import { DOOR_VARIABLE, MONITOR } from "./claude/monitor-plugin.ts";
import { sessionNow } from "./claude/session-file.ts";
import { codexHome, codexSocket, ownThread } from "./codex/own-thread.ts";
import { CodexThreadDoor } from "./codex/thread-door.ts";
import type { HostDoor } from "./door.ts";
import type { HostSight } from "./host-sight.ts";
import { OpencodeServer } from "./opencode/opencode-server.ts";
import { ownOpencode } from "./opencode/own-server.ts";
import { OpencodeSessionDoor } from "./opencode/session-door.ts";
import { recordsOf, shortSum } from "./records-of.ts";

/** The host that started this process as one of its MCP servers, and the way into it. */
export interface FoundHost {
  readonly door: HostDoor;
  readonly host: string;
  /** Which of the agents of a voice: of two connections of one, the last counts. */
  readonly agent: string;
  /** Whose records of that host the door looks through: doors of one name see the same ones. */
  readonly instance: string;
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
  /** In place of every other way into Claude Code, where its user wants that. */
  readonly channel?: PushToChannel | undefined;
  /** This process is the monitor of our plugin in Claude Code. */
  readonly say?: SayEvent | undefined;
}

type WakeableHost = "claude" | "codex" | "opencode";

/** Ours. A host starts its servers before it can be reached; doubling from the first to the second. */
const AGAIN_FIRST_MS = 250;
const AGAIN_MAX_MS = 5_000;
/** Ours. How often it is looked which conversation Claude Code shows. */
const SESSION_EVERY_MS = 1_000;

/** How a model answers by the tools of `entmootd mcp`, which its host may keep back until it searches for them. */
const TOOL_WAYS: AnswerWays = {
  reply: 'call the tool entmoot_reply(id="ID", content="…"), and search your tools for "entmoot" if you do not see it',
  acknowledge: 'call entmoot_ack(id="ID")',
  read: 'call entmoot_read(id="ID")',
};

/** As hosts call themselves where they call tools. */
const NAMES: Readonly<Record<string, WakeableHost>> = {
  "codex-mcp-client": "codex",
  opencode: "opencode",
};

/**
 * Ways into the host that started this process, one after the other: the next is looked for once whoever took the last one
 * asks again. Ends when `signal` aborts, and at once where no host with a way in started it: its agent then asks for what waits
 * by itself.
 */
export async function* hostDoors(parts: HostDoorParts, signal: AbortSignal): AsyncGenerator<FoundHost> {
  if (parts.say !== undefined) return yield* monitorDoors(parts, parts.say, signal);
  if (parts.channel !== undefined) return yield* channelDoor(parts, parts.channel, signal);
  const host = await hostOf(parts, signal);
  if (host === "claude") yield* inboxDoors(parts, signal);
  if (host === "codex") yield* codexDoors(parts, signal);
  if (host === "opencode") yield* opencodeDoors(parts, signal);
}

/** What set-up said, what the environment shows, and else what the host says of itself. */
async function hostOf({ env, sight }: HostDoorParts, signal: AbortSignal): Promise<WakeableHost | undefined> {
  const { ENTMOOT_HOST: told } = env;
  if (told === "claude" || told === "codex" || told === "opencode") return told;
  if (claudeSession(env) !== undefined) return "claude";
  const name = await unlessAborted(sight.name, signal);
  return name === undefined ? undefined : NAMES[name];
}

/** Once the host has said who it is: before that it knows no channel. */
async function* channelDoor(
  { env, sight }: HostDoorParts,
  push: PushToChannel,
  signal: AbortSignal,
): AsyncGenerator<FoundHost> {
  if ((await unlessAborted(sight.name, signal)) === undefined) return;
  const session = claudeSession(env);
  const agent = session === undefined ? "claude channel" : agentOf(session);
  // Nothing is ever looked for in it.
  const instance = session === undefined ? "channel" : recordsOf(session.configFolder);
  yield { door: new ClaudeChannelDoor(push), host: "claude", agent, instance, ways: TOOL_WAYS, until: signal };
}

async function* inboxDoors(parts: HostDoorParts, signal: AbortSignal): AsyncGenerator<FoundHost> {
  const { clock, env } = parts;
  const session = claudeSession(env);
  // Set-up says that the monitor of our plugin wakes this agent.
  if (session === undefined || env[DOOR_VARIABLE] === MONITOR) return;
  const open = (now: ClaudeConversation) => new ClaudeInboxDoor({ ...session, ...now }, { clock, from: "entmoot" });
  yield* doorOfEach(session, { clock, open, pid: process.ppid }, signal);
}

async function* monitorDoors(parts: HostDoorParts, say: SayEvent, signal: AbortSignal): AsyncGenerator<FoundHost> {
  const { clock, env } = parts;
  const started = claudeConversation(env);
  if (started === undefined) return;
  const pid = Number(env.CLAUDE_PID) || process.ppid;
  const open = (session: ClaudeConversation) => new ClaudeMonitorDoor({ clock, pid, say, session });
  yield* doorOfEach(started, { clock, open, pid }, signal);
}

interface EachConversation {
  readonly clock: Clock;
  readonly open: (session: ClaudeConversation) => HostDoor;
  /** The process of Claude Code. */
  readonly pid: number;
}

/** Into one conversation after the other of a process: `/clear` begins another, whose records are others. */
async function* doorOfEach(
  started: ClaudeConversation,
  { clock, open, pid }: EachConversation,
  signal: AbortSignal,
): AsyncGenerator<FoundHost> {
  const { configFolder } = started;
  let { sessionId } = started;
  const instance = recordsOf(configFolder);
  while (!signal.aborted) {
    sessionId = sessionNow(configFolder, pid)?.sessionId ?? sessionId;
    const session = { configFolder, sessionId };
    const gone = async (until: AbortSignal) => {
      while (!until.aborted && (sessionNow(configFolder, pid)?.sessionId ?? sessionId) === session.sessionId) {
        await pause(clock, SESSION_EVERY_MS, until);
      }
    };
    await using door = open(session);
    yield* whileItLeads({ door, gone }, { host: "claude", agent: agentOf(session), instance }, signal);
  }
}

async function* codexDoors(parts: HostDoorParts, signal: AbortSignal): AsyncGenerator<FoundHost> {
  const { clock, env, version } = parts;
  const home = codexHome(env);
  const socket = codexSocket(home);
  while (!signal.aborted) {
    const threadId = await ownThread({ ...parts, socket }, signal);
    if (threadId === undefined) return;
    await using door = new CodexThreadDoor({ clock, home, socket, threadId, version });
    const gone = (until: AbortSignal) => door.gone(until);
    yield* whileItLeads(
      { door, gone },
      { host: "codex", agent: `codex ${threadId}`, instance: recordsOf(home) },
      signal,
    );
  }
}

async function* opencodeDoors(parts: HostDoorParts, signal: AbortSignal): AsyncGenerator<FoundHost> {
  const { clock, cwd, env, log, sight } = parts;
  const own = ownOpencode(env, cwd, process.ppid);
  if (own === undefined || (await unlessAborted(sight.hasTools, signal)) === undefined) return;
  const server = new OpencodeServer(own.address, clock, cwd);
  const place = { folder: cwd, pid: own.pid, sinceMs: clock.unix() };
  const instance = env.ENTMOOT_OPENCODE_URL ? shortSum(env.ENTMOOT_OPENCODE_URL) : recordsOf(opencodeData(env));
  let againMs = AGAIN_FIRST_MS;
  while (!signal.aborted) {
    try {
      // Its first answers take their time.
      await server.get("/session/status", v.unknown(), signal);
      againMs = AGAIN_FIRST_MS;
      await using door = new OpencodeSessionDoor({ clock, server, place });
      const gone = (until: AbortSignal) => door.gone(until);
      yield* whileItLeads({ door, gone }, { host: "opencode", agent: `opencode ${own.name}`, instance }, signal);
    } catch (error) {
      if (signal.aborted) return;
      log.debug(`opencode: ${textOf(error)}; trying again`);
    }
    await pause(clock, againMs, signal);
    againMs = Math.min(AGAIN_MAX_MS, againMs * 2);
  }
}

/** https://specifications.freedesktop.org/basedir-spec/latest/ */
function opencodeData({ HOME, XDG_DATA_HOME }: HostDoorParts["env"]): string {
  return join(XDG_DATA_HOME || join(HOME || homedir(), ".local", "share"), "opencode");
}

interface WatchedDoor {
  readonly door: HostDoor;
  /** Resolves once it leads to nobody any more, or `signal` aborts. */
  readonly gone: (signal: AbortSignal) => Promise<void>;
}

async function* whileItLeads(
  { door, gone }: WatchedDoor,
  named: Pick<FoundHost, "agent" | "host" | "instance">,
  signal: AbortSignal,
): AsyncGenerator<FoundHost> {
  const until = new AbortController();
  const watching = new AbortController();
  void gone(AbortSignal.any([signal, watching.signal])).then(() => until.abort());
  try {
    yield { ...named, door, ways: TOOL_WAYS, until: until.signal };
    // Who gave it up before does not want it again.
    await aborted(until.signal);
  } finally {
    watching.abort();
  }
}
