import type { Clock } from "../core/clock.ts";
import { EntmootError } from "../core/errors.ts";
import type { PublicKey } from "../core/ids.ts";
import { shortKey } from "./short-key.ts";
import type { DialOptions, PeerStream, Transport } from "./transport.ts";
import { atMost } from "./wait.ts";

/**
 * Ours. How long the newest try has to itself before the next carrier is tried beside it. Nobody's time is cut short
 * by another's: each try ends with the caller's signal (as in RFC 8305, "happy eyeballs").
 */
export const ALONE_MS = 1_500;

/**
 * A stream over the first of `carriers` that gives one, tried in their order: the next one starts when the newest try
 * failed or had its time alone. What comes late is dropped. Throws `unavailable`, or `timeout` when the signal ended
 * it, naming every carrier tried and why it failed.
 */
export async function openOnFirst(
  carriers: readonly Transport[],
  { clock, peer, hints, signal }: DialOptions & { readonly clock: Clock; readonly peer: PublicKey },
): Promise<PeerStream> {
  const over = new AbortController();
  const ends = AbortSignal.any([signal, over.signal]);
  const won = new AbortController();
  const tries: Try[] = [];
  for (const carrier of carriers) {
    const opening = carrier.open(peer, { hints, signal: ends });
    tries.push({ carrier, opening });
    const ended = opening.then(() => won.abort(), ignore);
    if (tries.length < carriers.length) await atMost(clock, ALONE_MS, ended, won.signal);
    if (won.signal.aborted || signal.aborted) break;
  }
  try {
    const first = await Promise.any(tries.map(({ opening }) => opening));
    for (const { opening } of tries) void opening.then((late) => late !== first && late.reset(), ignore);
    return first;
  } catch (error) {
    if (!(error instanceof AggregateError)) throw error;
    throw unreached(peer, tries, error);
  } finally {
    over.abort(new EntmootError("timeout", "another carrier was faster"));
  }
}

interface Try {
  readonly carrier: Transport;
  readonly opening: Promise<PeerStream>;
}

/** `failures.errors` are those of `tries`, in their order. */
function unreached(peer: PublicKey, tries: readonly Try[], failures: AggregateError): unknown {
  const errors: readonly unknown[] = failures.errors;
  const broken = errors.find((error) => !(error instanceof EntmootError));
  if (broken !== undefined) return broken;
  const subject = `peer ${shortKey(peer)}: `;
  const reasons = (errors as readonly EntmootError[]).map(({ message }, i) => {
    const reason = message.startsWith(subject) ? message.slice(subject.length) : message;
    return `${tries[i]!.carrier.carriers.join("+")}: ${reason}`;
  });
  // Whoever had no more time may well be there.
  const isLate = (errors as readonly EntmootError[]).some(({ code }) => code === "timeout");
  return new EntmootError(isLate ? "timeout" : "unavailable", `${subject}${reasons.join("; ")}`, { cause: failures });
}

function ignore(): void {}
