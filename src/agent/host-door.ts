import type { AnswerWays } from "../core/agents/envelope.ts";
import type { Clock } from "../core/clock.ts";
import { claudeSession } from "./claude/claude-session.ts";
import { ClaudeInboxDoor } from "./claude/inbox-door.ts";
import type { HostDoor } from "./door.ts";

/** The host that started this process as one of its MCP servers, and the way into it. */
export interface FoundHost {
  readonly door: HostDoor;
  readonly host: string;
  /** Which of the agents of a voice: of two connections of one, the last counts. */
  readonly agent: string;
  readonly ways: AnswerWays;
}

/** How a model answers by the tools of `entmootd mcp`, which its host may keep back until it searches for them. */
const TOOL_WAYS: AnswerWays = {
  reply: 'call the tool entmoot_reply(id="ID", content="…"), and search your tools for "entmoot" if you do not see it',
  acknowledge: 'call entmoot_ack(id="ID")',
  read: 'call entmoot_read(id="ID")',
};

/** `undefined` where no host with a way in started this process: its agent then asks for what waits by itself. */
export function hostDoor(env: Readonly<Record<string, string | undefined>>, clock: Clock): FoundHost | undefined {
  const session = claudeSession(env);
  if (session === undefined) return undefined;
  return {
    door: new ClaudeInboxDoor(session, { clock, from: "entmoot" }),
    host: "claude",
    agent: `claude ${session.sessionId}`,
    ways: TOOL_WAYS,
  };
}
