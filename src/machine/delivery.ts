/**
 * The states of one message on its way into the agent of this node, as `docs/doors.md` draws them. A row only goes on along
 * that table; what it cannot follow is refused, and nothing else changes a state.
 */

/** As they stand in the database and in answers. */
export const DELIVERY_STATES = [
  "queued",
  "claimed",
  "handed",
  "uncertain",
  "refused",
  "expired",
  "delivered",
  "read",
  "acked",
  "answered",
] as const;
export type DeliveryState = (typeof DELIVERY_STATES)[number];

/** Ours. How long a bridge may look for what was handed over before its listener ended. */
export const LOOK_MS = 3_600_000;
/** Ours. A message that asks and is older than this wakes nobody any more. */
export const ASKING_MS = 7 * 24 * 3_600_000;

/** What is known of one message here. Instants are Unix milliseconds, 0 while there is none. */
export interface Delivery {
  readonly state: DeliveryState;
  /** It asks this node, so that a listener may be handed it. */
  readonly asks: boolean;
  /** Of the latest claim; 0 before the first. A move that names another is refused. */
  readonly token: number;
  /** How often it was claimed. */
  readonly attempt: number;
  /** `claimed`, `handed`: until when nobody else may have it. `queued`, `uncertain`: when its time is over. */
  readonly untilMs: number;
  readonly queuedAtMs: number;
  readonly handedAtMs: number;
  readonly deliveredAtMs: number;
  readonly readAtMs: number;
  readonly answeredAtMs: number;
  readonly changedAtMs: number;
}

/** What moves a row. Those with a token come from whoever was handed it, and count only while it is the latest. */
export type DeliveryEvent =
  /** The listener whose turn it is takes it; the token is larger than any before. */
  | { readonly kind: "claim"; readonly token: number; readonly leaseMs: number }
  /** Before a byte goes to the host. */
  | { readonly kind: "hand"; readonly token: number; readonly leaseMs: number }
  /** The host is busy and took nothing. */
  | { readonly kind: "defer"; readonly token: number }
  /** The listener ended. */
  | { readonly kind: "end"; readonly token: number }
  /** A bridge looks for what another handed over; the token is larger than any before. */
  | { readonly kind: "look"; readonly token: number; readonly leaseMs: number }
  /** The host's own record names the message. */
  | { readonly kind: "evidence"; readonly token: number }
  /** The host's record is complete without it. */
  | { readonly kind: "absent"; readonly token: number }
  /** Nobody can tell whether the host took it. */
  | { readonly kind: "unsure"; readonly token: number }
  /** The host said no. */
  | { readonly kind: "refuse"; readonly token: number }
  /** The host says that it is in the conversation; without a token: the agent opened it itself. */
  | { readonly kind: "read"; readonly token?: number }
  /** A message of this node names it. */
  | { readonly kind: "answer" }
  /** Done without an answer. */
  | { readonly kind: "ack" }
  /** Time went by. */
  | { readonly kind: "lapse" }
  /** The node starts: no listener of before lives. */
  | { readonly kind: "restart" };

export type DeliveryMove =
  | { readonly kind: "moved"; readonly row: Delivery }
  /** It is where that leads, or further. */
  | { readonly kind: "same" }
  /** `reason`: in words, for whoever asked. */
  | { readonly kind: "refused"; readonly reason: string };

/** How far a state is: no event leads from a greater to a smaller one but back to `queued`, from where nobody took it. */
export function progressOf(state: DeliveryState): number {
  return DELIVERY_STATES.indexOf(state);
}

/** Whether nobody is waited for any more. */
export function isSettled(state: DeliveryState): boolean {
  return isDone(state) || state === "refused" || state === "expired";
}

/** Whether the agent, or its owner, is done with the message: it is unread no more. */
export function isDone(state: DeliveryState): boolean {
  return state === "read" || state === "acked" || state === "answered";
}

/** The row of a message that nobody was handed. */
export function newDelivery({ asks, untilMs }: Pick<Delivery, "asks" | "untilMs">, nowMs: number): Delivery {
  const times = { queuedAtMs: nowMs, handedAtMs: 0, deliveredAtMs: 0, readAtMs: 0, answeredAtMs: 0 };
  return { state: "queued", asks, token: 0, attempt: 0, untilMs, ...times, changedAtMs: nowMs };
}

/** What an event makes of a row. */
export function moved(row: Delivery, event: DeliveryEvent, nowMs: number): DeliveryMove {
  switch (event.kind) {
    case "claim":
      return claimed(row, event, nowMs);
    case "read":
      return event.token !== undefined && event.token !== row.token ? old(row) : read(row, nowMs);
    case "answer":
      return row.state === "answered" ? SAME : to(row, "answered", nowMs, { answeredAtMs: nowMs });
    case "ack":
      return row.state === "answered" || row.state === "acked" ? SAME : to(row, "acked", nowMs);
    case "lapse":
      return lapsed(row, nowMs);
    case "restart":
      return ended(row, nowMs);
    case "look":
      return looked(row, event, nowMs);
    default:
      return event.token === row.token ? byHolder(row, event, nowMs) : old(row);
  }
}

type HolderEvent = Exclude<
  DeliveryEvent,
  { readonly kind: "claim" | "look" | "read" | "answer" | "ack" | "lapse" | "restart" }
>;

const SAME = { kind: "same" } as const;

/** Whoever holds the latest token says what became of it. What was read meanwhile stays read. */
function byHolder(row: Delivery, event: HolderEvent, nowMs: number): DeliveryMove {
  const { state } = row;
  const isOut = state === "handed" || state === "uncertain";
  switch (event.kind) {
    case "hand":
      if (state === "handed") return SAME;
      return state === "claimed"
        ? to(row, "handed", nowMs, { handedAtMs: nowMs, untilMs: nowMs + event.leaseMs })
        : refused(`expected a message that is claimed, found one that is ${state}`);
    case "defer":
      return state === "claimed" || state === "handed" ? again(row, nowMs) : after(row, "queued");
    case "end":
      return ended(row, nowMs);
    case "evidence":
      return isOut ? to(row, "delivered", nowMs, { deliveredAtMs: nowMs }) : after(row, "delivered");
    case "absent":
      return state === "handed" ? again(row, nowMs) : after(row, "queued");
    case "unsure":
      return state === "handed" ? unsure(row, nowMs) : after(row, "uncertain");
    case "refuse":
      return isOut ? to(row, "refused", nowMs) : after(row, "refused");
  }
}

function claimed(row: Delivery, { leaseMs, token }: Of<"claim">, nowMs: number): DeliveryMove {
  if (!row.asks) return refused("expected a message that asks this node, found one that does not");
  if (row.state !== "queued") return refused(`expected a message that is queued, found one that is ${row.state}`);
  if (nowMs >= row.untilMs) return refused("expected a message whose time is not over");
  if (token <= row.token) return old(row);
  return to(row, "claimed", nowMs, { token, attempt: row.attempt + 1, untilMs: nowMs + leaseMs });
}

/** What was handed over by one that is gone is another's to look for. */
function looked(row: Delivery, { leaseMs, token }: Of<"look">, nowMs: number): DeliveryMove {
  if (row.state !== "handed") return refused(`expected a message that was handed over, found one that is ${row.state}`);
  return token <= row.token ? old(row) : to(row, "handed", nowMs, { token, untilMs: nowMs + leaseMs });
}

function read(row: Delivery, nowMs: number): DeliveryMove {
  if (isDone(row.state)) return SAME;
  return to(row, "read", nowMs, { readAtMs: nowMs });
}

/** What is handed over may be with the host: whoever can look for it has an hour. */
function ended(row: Delivery, nowMs: number): DeliveryMove {
  if (row.state === "claimed") return again(row, nowMs);
  if (row.state !== "handed" || row.untilMs <= nowMs + LOOK_MS) return SAME;
  return to(row, "handed", nowMs, { untilMs: nowMs + LOOK_MS });
}

function lapsed(row: Delivery, nowMs: number): DeliveryMove {
  if (nowMs < row.untilMs) return SAME;
  if (row.state === "claimed") return again(row, nowMs);
  if (row.state === "handed") return unsure(row, nowMs);
  return row.state === "queued" || row.state === "uncertain" ? to(row, "expired", nowMs) : SAME;
}

function again(row: Delivery, nowMs: number): DeliveryMove {
  return to(row, "queued", nowMs, { untilMs: row.queuedAtMs + ASKING_MS });
}

function unsure(row: Delivery, nowMs: number): DeliveryMove {
  return to(row, "uncertain", nowMs, { untilMs: row.queuedAtMs + ASKING_MS });
}

/** Of a row that is not out with a host: where `state` is behind it already, there is nothing to do. */
function after(row: Delivery, state: DeliveryState): DeliveryMove {
  if (row.state === state || isSettled(row.state)) return SAME;
  if (progressOf(row.state) >= progressOf(state) && row.state !== "claimed") return SAME;
  return refused(`expected a message that was handed over, found one that is ${row.state}`);
}

type Of<Kind> = Extract<DeliveryEvent, { readonly kind: Kind }>;

function to(row: Delivery, state: DeliveryState, nowMs: number, changes: Partial<Delivery> = {}): DeliveryMove {
  return { kind: "moved", row: { ...row, ...changes, state, changedAtMs: nowMs } };
}

function old({ token }: Delivery): DeliveryMove {
  return refused(`its token is not the current one (${token}): another was given the message since`);
}

function refused(reason: string): DeliveryMove {
  return { kind: "refused", reason };
}
