import { homedir } from "node:os";
import { isAbsolute, join } from "node:path";

/** One conversation with Claude Code, as far as its records go. */
export interface ClaudeConversation {
  readonly sessionId: string;
  /** Where it keeps its records. */
  readonly configFolder: string;
}

/** A running session of Claude Code, as it tells the programs that it starts. */
export interface ClaudeSession extends ClaudeConversation {
  /** Its inbox. */
  readonly socket: string;
  /** By which it knows its own children; `undefined`: this process is none. */
  readonly token: string | undefined;
}

/** Ours. As long as a path may be, and far longer than any id or token. */
const VALUE_MAX = 4096;
const SESSION_ID = /^[0-9a-f-]{16,64}$/i;

/** The session that started this process; `undefined` where none did, or one whose inbox is not open to its children. */
export function claudeSession(env: Readonly<Record<string, string | undefined>>): ClaudeSession | undefined {
  const { CLAUDE_CODE_MESSAGING_SOCKET: socket, CLAUDE_CODE_MESSAGING_TOKEN: token } = env;
  const conversation = claudeConversation(env);
  if (conversation === undefined || !isValue(socket) || !isValue(token) || !isAbsolute(socket)) return undefined;
  return { ...conversation, socket, token };
}

/** The conversation in which this process was started, whether its inbox is open or not; `undefined`: in none. */
export function claudeConversation(env: Readonly<Record<string, string | undefined>>): ClaudeConversation | undefined {
  const { CLAUDE_CODE_SESSION_ID: sessionId } = env;
  if (!isValue(sessionId) || !SESSION_ID.test(sessionId)) return undefined;
  return { sessionId, configFolder: claudeFolder(env) };
}

/** Where Claude Code keeps its sessions and their records. */
export function claudeFolder(env: Readonly<Record<string, string | undefined>>): string {
  return isValue(env.CLAUDE_CONFIG_DIR) ? env.CLAUDE_CONFIG_DIR : join(env.HOME || homedir(), ".claude");
}

const AGENT = "claude ";

/** How the agent in a session is named to the node. */
export function agentOf({ sessionId }: Pick<ClaudeSession, "sessionId">): string {
  return `${AGENT}${sessionId}`;
}

/** The session of an agent that was named so; `undefined` for another name. */
export function sessionOf(agent: string): string | undefined {
  const sessionId = agent.startsWith(AGENT) ? agent.slice(AGENT.length) : "";
  return SESSION_ID.test(sessionId) ? sessionId : undefined;
}

function isValue(value: string | undefined): value is string {
  return value !== undefined && value !== "" && value.length <= VALUE_MAX;
}
