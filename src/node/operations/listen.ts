import { ROLES, TRUSTS } from "../../core/agents/trust.ts";
import { type Decoded, documented, optional, struct } from "../../core/json/json-codec.ts";
import { bool, groupId, i64, messageId, u32 } from "../../core/json/json-scalars.ts";
import { DELIVERY_STATES } from "../../machine/delivery.ts";
import { AGENT_STORE_LIMITS, DELIVER_MODES } from "../../store/agent-store.ts";
import {
  boundedBytes,
  boundedText,
  clippedText,
  count,
  oneOf,
  plainList,
  shortList,
} from "../../wire/frame/bounded.ts";
import { operation } from "./operation.ts";
import { groupOrAll, memberKey, nothing, theGroup } from "./shapes.ts";
import { wakeLimits } from "./wake.ts";

/** Ours. What bridges call themselves, in bytes. */
const NAME_MAX = 128;
/** Ours. What a bridge says of what it saw, in bytes. */
const EVIDENCE_MAX = 1024;
/** Ours. Messages handed over as one turn, and bytes of the content of each that are told; the rest is read by its id. */
export const BATCH_MAX = 16;
export const CONTENT_TOLD_MAX = 16 * 1024;
/** Ours. Moves in one request: those of a turn. */
const MOVES_MAX = 64;
/** Ours. As many as anybody looks through; the longest waiting come first. */
export const DELIVERY_ROWS_MAX = 500;

/** Ours. Of what it answers as much as an envelope says. */
const REFERENCES_TOLD = 1;

const name = (label: string) => boundedText(label, NAME_MAX);

const listenRequest = struct(
  "listen",
  {
    agent: documented(
      "which of this node's agents it is; of two that say the same the last one listens",
      name("agent"),
    ),
    host: documented("the program that the agent runs in, such as claude", name("host")),
    door: documented("the way into it, such as inbox", name("door")),
    instance: documented(
      "whose records of that program it looks through, such as a name for their folder; what was handed to one host is looked for by another only where both say the same",
      optional(name("instance")),
    ),
    group_id: groupOrAll,
    can_wake: documented("whether it can begin a turn in an agent that is idle", bool),
    can_look: documented("whether it can tell that a message did not reach its host", bool),
  },
  { required: ["agent", "host", "door", "can_wake", "can_look"] },
);

const handedMessage = struct(
  "message to hand over",
  {
    group_id: groupId,
    message_id: messageId,
    token: documented("of the claim: every move names it", count),
    attempt: documented("how often it was claimed", count),
    author: u32,
    author_key: documented("the key that signed it", memberKey),
    hostname: documented("how its author wants to be shown; empty for nothing", clippedText("hostname", 1024)),
    trust: documented(
      "what this machine knows of its author: operator, the node that this voice belongs to; known, another agent of this machine or one on the allow list; peer",
      oneOf("trust", TRUSTS),
    ),
    role: documented("what the roster says of its author", oneOf("role", ROLES)),
    timestamp_ms: i64,
    references: documented("what it answers, the first of them", shortList(messageId, REFERENCES_TOLD)),
    hop: documented("how far it is from where the talk began, from 1", count),
    content: documented("its first bytes", boundedBytes("content", { min: 0, max: CONTENT_TOLD_MAX })),
    content_bytes: documented("how many there are", count),
  },
  { required: ["group_id", "message_id", "token", "author", "trust", "role", "timestamp_ms", "hop"] },
);

export { REFERENCES_TOLD };

export type HandedMessage = Decoded<typeof handedMessage>;

const soughtMessage = struct(
  "message to look for",
  {
    group_id: groupId,
    message_id: messageId,
    token: documented("of the look: every move names it", count),
    agent: documented("which agent of the same host was handed it", name("agent")),
  },
  { required: ["group_id", "message_id", "token", "agent"] },
);

export type SoughtMessage = Decoded<typeof soughtMessage>;

const listenEvent = struct("listen event", {
  deliver: documented("hand these over as one turn", optional(plainList(handedMessage, BATCH_MAX))),
  look: documented(
    "these were handed over by one that is gone: say for each whether the host has it",
    optional(plainList(soughtMessage, MOVES_MAX)),
  ),
});

export type ListenEvent = Decoded<typeof listenEvent>;

/**
 * What is handed over comes once the ledger has it as claimed. Ends when the caller does. Throws `conflict` when another listener
 * of the same agent took its place, `rate_limited` when there are too many, `group_not_found`.
 */
export const listen = operation({
  name: "listen",
  summary: "Take the messages that wake an agent, one turn at a time, as long as its host lives",
  scope: "agent",
  request: listenRequest,
  event: listenEvent,
  answer: nothing,
  eventMax: 1024 * 1024,
  patienceMs: "endless",
  needsDaemon: true,
});

/** What a bridge says became of a message. */
export const MOVES = ["handed", "delivered", "read", "absent", "deferred", "refused", "uncertain"] as const;

const move = struct(
  "move",
  {
    group_id: theGroup,
    message_id: messageId,
    token: count,
    to: documented(
      "handed: before a byte goes to the host, and again, refused where it is another's by now, after every wait; deferred: it was busy and took nothing; absent: its record is complete without it",
      oneOf("move", MOVES),
    ),
    evidence: documented("what was seen", optional(clippedText("evidence", EVIDENCE_MAX))),
  },
  { required: ["group_id", "message_id", "token", "to"] },
);

export type Move = Decoded<typeof move>;

const moves = struct("moves", { moves: plainList(move, MOVES_MAX) }, { required: ["moves"] });

const movedRow = struct(
  "moved",
  {
    message_id: messageId,
    state: oneOf("state", DELIVERY_STATES),
    refused: documented(
      "why it did not move; absent: it is where the move leads, or further",
      optional(clippedText("refused", 1024)),
    ),
  },
  { required: ["message_id", "state"] },
);

const movedRows = struct("moved rows", { rows: plainList(movedRow, MOVES_MAX) }, { required: ["rows"] });

/** All of them in one commit, durable when it answers. Throws `not_found` for a message that was never claimed. */
export const delivery_move = operation({
  name: "delivery_move",
  summary: "Say what became of messages that were handed to an agent",
  scope: "agent",
  request: moves,
  answer: movedRows,
  requestMax: 256 * 1024,
  answerMax: 256 * 1024,
  needsDaemon: true,
});

const deliveriesRequest = struct("deliveries asked for", {
  group_id: groupOrAll,
  limit: documented(`1 to ${DELIVERY_ROWS_MAX}; absent: 50`, optional(count)),
});

const deliveryRow = struct(
  "delivery",
  {
    group_id: groupId,
    message_id: messageId,
    author_pubkey: memberKey,
    state: oneOf("state", DELIVERY_STATES),
    attempt: count,
    held: documented(
      "why it waits although somebody listens; absent: nothing holds it",
      optional(clippedText("held", 256)),
    ),
    queued_at_ms: i64,
    changed_at_ms: i64,
  },
  { required: ["group_id", "message_id", "state"] },
);

const listenerRow = struct(
  "listener",
  {
    agent: name("agent"),
    host: name("host"),
    door: name("door"),
    group_id: groupOrAll,
    can_wake: bool,
    can_look: bool,
    since_ms: documented("Unix milliseconds", i64),
    turns: documented("that it was handed", count),
    in_hand: documented("messages that it was handed and has said nothing of yet", count),
  },
  { required: ["agent", "host", "door", "can_wake", "since_ms"] },
);

export type ListenerRow = Decoded<typeof listenerRow>;

const turnsRow = struct(
  "turns caused",
  {
    group_id: groupId,
    author_pubkey: memberKey,
    turns: documented("all in all, those of before a restart too", count),
    last_ms: documented("when it caused the last one, Unix milliseconds", i64),
  },
  { required: ["group_id", "turns", "last_ms"] },
);

const ruleRow = struct(
  "rule of a moot",
  {
    group_id: groupId,
    deliver: oneOf("deliver", DELIVER_MODES),
    from: documented("how many members it is for alone; 0: for every member", count),
  },
  { required: ["group_id", "deliver", "from"] },
);

/** Ours. Listeners of one node: each is a program that a person started. */
export const LISTENERS_MAX = 64;
const TURNS_MAX = AGENT_STORE_LIMITS.turnCounts;
/** Ours. Moots whose rule is told here; `deliver_rule` tells any. */
export const RULES_MAX = 1024;

const deliveriesAnswer = struct(
  "deliveries",
  {
    waiting: documented("those that wait, longest first", plainList(deliveryRow, DELIVERY_ROWS_MAX)),
    listeners: plainList(listenerRow, LISTENERS_MAX),
    turns: documented("those that caused one last first", plainList(turnsRow, TURNS_MAX)),
    limits: wakeLimits,
    rules: documented("of the moots in which other messages wake than mentions", plainList(ruleRow, RULES_MAX)),
  },
  { required: ["waiting", "listeners", "turns", "limits", "rules"] },
);

/** Throws `group_not_found`. */
export const deliveries = operation({
  name: "deliveries",
  summary: "Who listens here for an agent, what waits for it, and how many turns each member caused",
  onlyLooks: true,
  scope: "agent",
  request: deliveriesRequest,
  answer: deliveriesAnswer,
  answerMax: 1024 * 1024,
  needsDaemon: true,
});

export const LISTEN_OPERATIONS = { listen, delivery_move, deliveries };
