import type { Clock } from "../core/clock.ts";
import { Turns } from "../node/turns.ts";
import { Reservations } from "./reservations.ts";

/** Ours. Calls of all clients that may tell events, so that requests always find a place. */
const STREAMS_MAX = 192;
/** Ours. Calls of all clients under way, most of which wait for something: each is looked at when it may have come. */
const CALLS_MAX = 1024;
/** Ours. MiB of large requests of all clients that are being received, each begun one counted whole. */
const LARGE_REQUESTS_MIB_MAX = 64;

/** What all clients of one door share, so that none of them takes it from the others, or the door from the node. */
export class Door {
  readonly streams = new Reservations(STREAMS_MAX, "watchers");
  readonly calls = new Reservations(CALLS_MAX, "calls of all clients");
  readonly largeRequests = new Reservations(LARGE_REQUESTS_MIB_MAX, "MiB of large requests");
  /** One for each frame. */
  readonly turns: Turns;

  constructor(clock: Clock) {
    this.turns = new Turns(clock);
  }
}
