import type { Clock, SteadyMs } from "../../core/clock.ts";
import { EntmootError, type ErrorCode } from "../../core/errors.ts";
import { unlessAborted } from "../../transport/wait.ts";
import type { JoinProgress } from "../operations/invites.ts";

/** What bounds a join, and who is told how it goes. */
export interface JoinAttempt {
  readonly deadline: SteadyMs;
  readonly signal: AbortSignal | undefined;
  readonly progress: (progress: JoinProgress) => void;
}

/** The effects every joiner's machine has; what else it decides is its own. */
type CommonEffect =
  | { readonly kind: "schedule"; readonly afterMs: number }
  | ({ readonly kind: "progress" } & JoinProgress)
  | { readonly kind: "failed"; readonly code: ErrorCode; readonly message: string };

type OwnEffect<Effect> = Exclude<Effect, { readonly kind: CommonEffect["kind"] }>;

export interface Drive<Event, Effect extends { readonly kind: string }, Result> {
  readonly machine: { handle(event: Event, nowMs: SteadyMs): Effect[] };
  readonly start: Event;
  readonly timer: Event;
  readonly clock: Clock;
  readonly signal: AbortSignal | undefined;
  readonly progress: (progress: JoinProgress) => void;
  /** Does one of the machine's own effects; what comes of it is told later, the end is given to `end`. */
  readonly carryOut: (
    effect: OwnEffect<Effect>,
    then: { readonly tell: (event: Event) => void; readonly end: (result: Result) => void },
  ) => void;
}

/** Runs a machine that ends, on a clock. Rejects as its `failed` effect says, or when `signal` aborts. */
export async function driveMachine<Event, Effect extends { readonly kind: string }, Result extends object>(
  options: Drive<Event, Effect, Result>,
): Promise<Result> {
  const { carryOut, clock, machine, progress, signal, start, timer } = options;
  const timers = new Set<Disposable>();
  const ended = Promise.withResolvers<Result>();
  const then = { tell, end: ended.resolve };
  function tell(event: Event): void {
    for (const effect of machine.handle(event, clock.steady())) run(effect);
  }
  function run(effect: Effect): void {
    const common = effect as Effect | CommonEffect;
    if (isKind(common, "schedule")) schedule(common.afterMs);
    else if (isKind(common, "progress")) progress(common);
    else if (isKind(common, "failed")) ended.reject(new EntmootError(common.code, common.message));
    else carryOut(effect as OwnEffect<Effect>, then);
  }
  function schedule(afterMs: number): void {
    const handle = clock.after(afterMs, () => {
      timers.delete(handle);
      tell(timer);
    });
    timers.add(handle);
  }
  try {
    if (!signal?.aborted) tell(start);
    const result = await unlessAborted(ended.promise, signal);
    if (result === undefined) throw new EntmootError("unavailable", "join: stopped before it was done");
    return result;
  } finally {
    for (const handle of timers) handle[Symbol.dispose]();
  }
}

function isKind<K extends CommonEffect["kind"]>(
  effect: { readonly kind: string },
  kind: K,
): effect is Extract<CommonEffect, { kind: K }> {
  return effect.kind === kind;
}
