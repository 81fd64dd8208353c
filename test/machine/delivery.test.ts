import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import {
  ASKING_MS,
  DELIVERY_STATES,
  type Delivery,
  type DeliveryEvent,
  type DeliveryState,
  isDone,
  LOOK_MS,
  moved,
  newDelivery,
  progressOf,
} from "../../src/machine/delivery.ts";

const LEASE_MS = 60_000;
const TOKEN = 5;
const fresh = newDelivery({ asks: true, untilMs: ASKING_MS }, 0);
const rowIn = (state: DeliveryState): Delivery => ({
  ...fresh,
  state,
  token: state === "queued" ? 0 : TOKEN,
  attempt: state === "queued" ? 0 : 1,
  untilMs: state === "claimed" || state === "handed" ? LEASE_MS : ASKING_MS,
});

/** Where the row is after an event: the state, `same`, or `no`. */
function after(row: Delivery, event: DeliveryEvent, nowMs = 1): string {
  const move = moved(row, event, nowMs);
  if (move.kind !== "moved") return move.kind === "same" ? "same" : "no";
  return move.row.state;
}

/** The table of docs/doors.md: of each event what becomes of each state, in the order of `DELIVERY_STATES`. */
const TABLE: readonly (readonly [DeliveryEvent, string])[] = [
  //                                             queued   claimed handed    uncertain refused  expired  delivered read     acked    answered
  [
    { kind: "claim", token: 6, leaseMs: LEASE_MS },
    "claimed no      no        no        no       no       no        no       no       no",
  ],
  [
    { kind: "hand", token: TOKEN, leaseMs: LEASE_MS },
    "no      handed  same      no        no       no       no        no       no       no",
  ],
  [
    { kind: "defer", token: TOKEN },
    "same    queued  queued    same      same     same     same      same     same     same",
  ],
  [
    { kind: "end", token: TOKEN },
    "same    queued  same      same      same     same     same      same     same     same",
  ],
  [
    { kind: "look", token: 6, leaseMs: LEASE_MS },
    "no      no      handed    no        no       no       no        no       no       no",
  ],
  [
    { kind: "evidence", token: TOKEN },
    "no      no      delivered delivered same     same     same      same     same     same",
  ],
  [
    { kind: "absent", token: TOKEN },
    "same    no      queued    same      same     same     same      same     same     same",
  ],
  [
    { kind: "unsure", token: TOKEN },
    "no      no      uncertain same      same     same     same      same     same     same",
  ],
  [
    { kind: "refuse", token: TOKEN },
    "no      no      refused   refused   same     same     same      same     same     same",
  ],
  [{ kind: "read" }, "read    read    read      read      read     read     read      same     same     same"],
  [
    { kind: "read", token: TOKEN },
    "read    read    read      read      read     read     read      same     same     same",
  ],
  [{ kind: "answer" }, "answered answered answered answered answered answered answered answered answered same"],
  [{ kind: "ack" }, "acked   acked   acked     acked     acked    acked    acked     acked    same     same"],
  [{ kind: "lapse" }, "same    same    same      same      same     same     same      same     same     same"],
  [{ kind: "restart" }, "same    queued  same      same      same     same     same      same     same     same"],
];

describe("one message on its way into an agent", () => {
  for (const [event, row] of TABLE) {
    const wanted = row.split(/ +/);
    test(`${event.kind}${"token" in event ? " with the current token" : ""} leads where the table says`, () => {
      const found = DELIVERY_STATES.map((state) => {
        const before = rowIn(state);
        // A queued row was held by nobody, or by whom the token still names.
        return after("token" in event && event.kind !== "claim" ? { ...before, token: TOKEN } : before, event);
      });
      expect(found).toEqual(wanted);
    });
  }

  test("what nobody moved in its time goes back, is uncertain or over", () => {
    expect(after(rowIn("claimed"), { kind: "lapse" }, LEASE_MS)).toBe("queued");
    expect(after(rowIn("handed"), { kind: "lapse" }, LEASE_MS)).toBe("uncertain");
    for (const state of ["queued", "uncertain"] as const) {
      expect(after(rowIn(state), { kind: "lapse" }, ASKING_MS - 1)).toBe("same");
      expect(after(rowIn(state), { kind: "lapse" }, ASKING_MS)).toBe("expired");
    }
    expect(after(fresh, { kind: "claim", token: 1, leaseMs: 1 }, ASKING_MS)).toBe("no");
  });

  test("what was handed over can be looked for for an hour once its listener ended, and no longer for a second end", () => {
    const handed = { ...rowIn("handed"), untilMs: 24 * LOOK_MS };
    const first = moved(handed, { kind: "end", token: TOKEN }, 1000);
    expect(first).toMatchObject({ row: { state: "handed", untilMs: 1000 + LOOK_MS } });
    expect(moved((first as { row: Delivery }).row, { kind: "restart" }, 2000)).toEqual({ kind: "same" });
  });

  test("a message that asks nobody here is handed to nobody, and can be read and acknowledged", () => {
    const row = newDelivery({ asks: false, untilMs: ASKING_MS }, 0);
    expect(moved(row, { kind: "claim", token: 1, leaseMs: 1 }, 1)).toEqual({
      kind: "refused",
      reason: "expected a message that asks this node, found one that does not",
    });
    expect(after(row, { kind: "read" })).toBe("read");
    expect(after(row, { kind: "ack" })).toBe("acked");
  });

  test("an old token changes nothing in any state", () => {
    for (const state of DELIVERY_STATES) {
      for (const kind of ["hand", "defer", "end", "evidence", "absent", "unsure", "refuse", "read"] as const) {
        const event = { kind, token: TOKEN - 1, leaseMs: LEASE_MS } as DeliveryEvent;
        expect(moved({ ...rowIn(state), token: TOKEN }, event, 1).kind).toBe("refused");
      }
    }
  });
});

const token = fc.integer({ min: 0, max: 6 });
const anyEvent: fc.Arbitrary<DeliveryEvent> = fc.oneof(
  ...(["claim", "hand", "look"] as const).map((kind) =>
    fc.record({ kind: fc.constant(kind), token, leaseMs: fc.constant(LEASE_MS) }),
  ),
  ...(["defer", "end", "evidence", "absent", "unsure", "refuse", "read"] as const).map((kind) =>
    fc.record({ kind: fc.constant(kind), token }),
  ),
  ...(["read", "answer", "ack", "lapse", "restart"] as const).map((kind) => fc.constant({ kind })),
);

describe("whatever happens to a message", () => {
  test("it never goes back, but to the queue from where no host has it", () => {
    const steps = fc.array(fc.tuple(anyEvent, fc.integer({ min: 0, max: ASKING_MS / 4 })), { maxLength: 40 });
    fc.assert(
      fc.property(steps, (events) => {
        let row = fresh;
        let nowMs = 0;
        for (const [event, ms] of events) {
          nowMs += ms;
          const move = moved(row, event, nowMs);
          if (move.kind !== "moved") continue;
          const { state } = move.row;
          if (state === "queued") expect(["claimed", "handed"]).toContain(row.state);
          else expect(progressOf(state)).toBeGreaterThanOrEqual(progressOf(row.state));
          if (isDone(row.state)) expect(isDone(state)).toBeTrue();
          expect(move.row.token).toBeGreaterThanOrEqual(row.token);
          if ("token" in event && event.token !== undefined && event.token < row.token)
            throw new Error("an old token moved it");
          row = move.row;
        }
      }),
      { numRuns: 2000 },
    );
  });
});

/** What of the way a message takes has happened. */
const STEPS = ["claim", "hand", "bytes", "evidence", "read", "answer"] as const;

/** A daemon with one row on its disk, a bridge and a host that is given messages. */
class Way {
  row = fresh;
  turns = 0;
  nowMs = 1;
  #token = 0;

  /** Walks on from where the row is until `killedAfter`, or to the end. */
  walk(killedAfter?: (typeof STEPS)[number]): void {
    const token = this.#token + 1;
    const steps: Record<(typeof STEPS)[number], () => void> = {
      claim: () => {
        this.#move({ kind: "claim", token, leaseMs: LEASE_MS });
        this.#token = token;
      },
      hand: () => this.#move({ kind: "hand", token, leaseMs: LEASE_MS }),
      bytes: () => {
        this.turns += 1;
      },
      evidence: () => this.#move({ kind: "evidence", token }),
      read: () => this.#move({ kind: "read" }),
      answer: () => this.#move({ kind: "answer" }),
    };
    for (const step of STEPS) {
      steps[step]();
      if (step === killedAfter) return;
    }
  }

  /** The daemon is there again; a bridge looks where it can. */
  restart(canLook: boolean): void {
    this.nowMs += 1000;
    this.#move({ kind: "restart" });
    if (this.row.state === "handed" && canLook) {
      this.#token += 1;
      this.#move({ kind: "look", token: this.#token, leaseMs: LEASE_MS });
      this.#move({ kind: this.turns > 0 ? "evidence" : "absent", token: this.#token });
    }
    this.nowMs += LOOK_MS;
    this.#move({ kind: "lapse" });
    if (this.row.state === "queued") this.walk();
  }

  #move(event: DeliveryEvent): void {
    const move = moved(this.row, event, this.nowMs);
    if (move.kind === "refused") throw new Error(`${event.kind}: ${move.reason}`);
    if (move.kind === "moved") this.row = move.row;
  }
}

describe("a process that is killed", () => {
  for (const killedAfter of STEPS) {
    for (const canLook of [true, false]) {
      test(`after "${killedAfter}", with a host that ${canLook ? "shows" : "does not show"} what it holds, gives neither a loss nor a second turn`, () => {
        const way = new Way();
        way.walk(killedAfter);
        way.restart(canLook);
        way.restart(canLook);
        expect(way.turns).toBeLessThanOrEqual(1);
        const isOut = killedAfter === "hand" || killedAfter === "bytes";
        if (isOut && !canLook) expect(way.row.state).toBe("uncertain");
        else
          expect({ turns: way.turns, isKnown: progressOf(way.row.state) >= progressOf("delivered") }).toEqual({
            turns: 1,
            isKnown: true,
          });
      });
    }
  }
});
