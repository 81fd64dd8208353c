import type { Clock } from "../core/clock.ts";
import type { Caller } from "../node/operations/implementation.ts";
import { Turns } from "../node/turns.ts";
import { Reservations } from "./reservations.ts";
import { Slots } from "./slots.ts";

/** Ours. Calls of all clients that may tell events, so that requests always find a place. */
const STREAMS_MAX = 192;
/** Ours. Calls of all clients under way, most of which wait for something: each is looked at when it may have come. */
const CALLS_MAX = 1024;
/** Ours. MiB of large requests of all clients that are being received, each begun one counted whole. */
const LARGE_REQUESTS_MIB_MAX = { owner: 64, agent: 16 } as const;
/** Ours. Bytes that wait to be taken by all clients; past that the one that has most waiting is closed. */
const UNSENT_MAX_BYTES = { owner: 128 * 1024 * 1024, agent: 16 * 1024 * 1024 } as const;
/** Ours. Large answers that are gathered at a time: one thread makes no more of them in a second by doing more at once. */
const GATHERED_MAX = 2;

/** What all clients of one door share, so that none of them takes it from the others, or the door from the node. */
export class Door {
  readonly streams = new Reservations(STREAMS_MAX, "watchers");
  readonly calls = new Reservations(CALLS_MAX, "calls of all clients");
  readonly largeRequests: Reservations;
  readonly unsentMaxBytes: number;
  readonly gathering = new Slots(GATHERED_MAX);
  /** One for each frame of who was answered before: nobody who comes and goes stands before them. */
  readonly turns: Turns;
  /** One for each first frame, and one for each client that is let in. */
  readonly firstTurns: Turns;

  constructor(clock: Clock, caller: Caller) {
    this.turns = new Turns(clock);
    this.firstTurns = new Turns(clock);
    this.largeRequests = new Reservations(LARGE_REQUESTS_MIB_MAX[caller], "MiB of large requests");
    this.unsentMaxBytes = UNSENT_MAX_BYTES[caller];
  }
}
