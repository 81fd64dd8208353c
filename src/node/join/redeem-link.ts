import { verifyInvite } from "../../core/admission/invite.ts";
import type { MootLink } from "../../core/admission/moot-link.ts";
import type { Clock } from "../../core/clock.ts";
import { textOf } from "../../core/errors.ts";
import type { MachineConfig } from "../../machine/machine-config.ts";
import { Redeem, type RedeemEffect, type RedeemEvent, type RedeemedInvite } from "../../machine/redeem.ts";
import { PeerRefusal, type Peers } from "../carrier/peers.ts";
import { driveMachine, type JoinAttempt } from "./drive-machine.ts";

/**
 * Ours. One try; doubles from the first to the last. A dial that got no answer asks ever more rarely, so an issuer
 * that comes back is met sooner by a new one, while a slow way to it still gets its time.
 */
const TIMEOUT_FIRST_MS = 4_000;
const TIMEOUT_MAX_MS = 15_000;

export interface RedeemParts {
  readonly peers: Peers;
  readonly hostname: string;
  readonly config: MachineConfig;
  readonly clock: Clock;
}

/**
 * Shows a link's token to its issuer, again and again while that is away. Throws the issuer's refusal, or
 * `unavailable` once the time is over.
 */
export function redeem(parts: RedeemParts, link: MootLink, attempt: JoinAttempt): Promise<RedeemedInvite> {
  let timeoutMs = TIMEOUT_FIRST_MS;
  return driveMachine<RedeemEvent, RedeemEffect, RedeemedInvite>({
    machine: new Redeem({ deadlineMs: attempt.deadline, config: parts.config }),
    start: { kind: "start" },
    timer: { kind: "timer" },
    clock: parts.clock,
    signal: attempt.signal,
    progress: attempt.progress,
    carryOut: (effect, { tell, end }) => {
      if (effect.kind === "invited") end(effect);
      else void askIssuer(parts, link, { timeoutMs, signal: attempt.signal }).then(tell);
      timeoutMs = Math.min(TIMEOUT_MAX_MS, 2 * timeoutMs);
    },
  });
}

/** Never rejects. */
async function askIssuer(
  { clock, hostname, peers }: RedeemParts,
  { groupId, issuer, token }: MootLink,
  { signal, timeoutMs }: { readonly signal: AbortSignal | undefined; readonly timeoutMs: number },
): Promise<RedeemEvent> {
  const question = { kind: "redeem_req", group_id: groupId, token, hostname } as const;
  const options = { ignoreBackoff: true, ...(signal === undefined ? {} : { signal }) };
  try {
    const { invite, name } = await peers.ask(issuer, question, "redeem_resp", timeoutMs, options);
    if (invite.group_id !== groupId) {
      return {
        kind: "refused",
        code: "roster_rejected",
        message: "join: the issuer answered with an invite to another group",
      };
    }
    verifyInvite(invite, clock.unix());
    return { kind: "redeemed", invite, name };
  } catch (error) {
    const message = textOf(error);
    // An issuer that is ending, or whose disk is full, may well answer in a moment.
    if (error instanceof PeerRefusal && error.code !== "unavailable")
      return { kind: "refused", code: error.code, message: `join: ${message}` };
    return { kind: "unreachable", detail: message };
  }
}
