declare const unix: unique symbol;
declare const steady: unique symbol;

/** An instant people agree on: Unix milliseconds. The machine's idea of it may jump, forward and back. */
export type UnixMs = number & { readonly [unix]: true };

/** An instant for waits: milliseconds since some moment, never set back. Says nothing to another process. */
export type SteadyMs = number & { readonly [steady]: true };

/** Time as everything above the operating system gets it, so that a simulation can run the same code on its own. */
export interface Clock {
  /** For dates: what is signed, stored and shown. Never for how long something takes. */
  unix(): UnixMs;
  /** For deadlines, intervals and back-off. */
  steady(): SteadyMs;
  /**
   * Calls `work` once, at least `ms` milliseconds from now and never within this call; with 0 in the next turn of the
   * event loop, behind what sockets and files delivered in this one. Disposing what it gives cancels.
   */
  after(ms: number, work: () => void, options?: AfterOptions): Disposable;
}

export interface AfterOptions {
  /** The process may end before it: for work nobody misses then. */
  readonly idle?: boolean;
}

/** `ms` milliseconds after `instant` (before it when negative), on the same clock. */
export function later<Instant extends UnixMs | SteadyMs>(instant: Instant, ms: number): Instant {
  return (instant + ms) as Instant;
}

/** A number that whoever hands it in knows to be Unix milliseconds: nothing is checked here. */
export function unixMs(ms: number): UnixMs {
  return ms as UnixMs;
}

/** For drivers of `Clock`: a reading of theirs. */
export function steadyMs(ms: number): SteadyMs {
  return ms as SteadyMs;
}
