import { invitedHints } from "../core/admission/address-hint.ts";
import type { SteadyMs } from "../core/clock.ts";
import type { ErrorCode } from "../core/errors.ts";
import type { PublicKey } from "../core/ids.ts";
import { keyOf } from "../core/record/node-key.ts";
import type { Invite, NodeEndpoint } from "../core/record/records.ts";
import type { RosterLog } from "../core/roster/roster-log.ts";
import { ANCHOR_TEXT, checkAnchors, IS_FINAL } from "./join-anchors.ts";
import type { MachineConfig } from "./machine-config.ts";

/** Someone who may serve the roster. */
export interface JoinCandidate {
  readonly nodeId: number;
  /** `undefined` when the invite does not say; then only a carrier that dials by node id can reach it. */
  readonly key: PublicKey | undefined;
  readonly endpoints: readonly NodeEndpoint[];
}

export type JoinEvent =
  | { readonly kind: "start" }
  /** The candidate's roster, valid in itself. */
  | { readonly kind: "roster"; readonly from: JoinCandidate; readonly log: RosterLog }
  /** No roster came. `invalid`: what came is broken and asking again will not mend it. `refused`: it closed without an answer, as it does to non-members. */
  | {
      readonly kind: "no_roster";
      readonly from: JoinCandidate;
      readonly why: "unreachable" | "refused" | "invalid";
      /** For people. */
      readonly detail: string;
    }
  | { readonly kind: "timer" };

export type JoinEffect =
  /** Ends in `roster` or `no_roster`. */
  | { readonly kind: "ask_roster"; readonly to: JoinCandidate }
  | { readonly kind: "schedule"; readonly afterMs: number }
  | { readonly kind: "progress"; readonly stage: "dialing" | "waiting" | "roster"; readonly message: string }
  /** The end: the group can be opened with this roster. */
  | { readonly kind: "joined"; readonly from: JoinCandidate; readonly log: RosterLog }
  /** The end, with why each candidate failed. */
  | { readonly kind: "failed"; readonly code: ErrorCode; readonly message: string };

type Standing = "idle" | "asked" | "failed" | "excluded";

/**
 * A joiner with an invite looks for a member that serves the group's roster, until the deadline. The
 * invite's signature and expiry were checked before; a roster counts only if it is anchored in the invite.
 */
export class Join {
  readonly #config: MachineConfig["join"];
  readonly #invite: Invite;
  readonly #localKey: PublicKey;
  readonly #deadlineMs: SteadyMs;
  readonly #candidates: { candidate: JoinCandidate; standing: Standing; reason: string; isNotMember: boolean }[];
  #waitMs: number;
  /** When to do the next thing: ask the next candidate, or begin the next pass. */
  #nextMs = 0;
  #isBetweenPasses = false;
  #isOver = false;

  constructor(options: { invite: Invite; localKey: PublicKey; deadlineMs: SteadyMs; config: MachineConfig }) {
    this.#config = options.config.join;
    this.#waitMs = this.#config.waitFirstMs;
    this.#invite = options.invite;
    this.#localKey = options.localKey;
    this.#deadlineMs = options.deadlineMs;
    this.#candidates = candidatesOf(options.invite, options.localKey, options.config).map((candidate) => ({
      candidate,
      standing: "idle",
      reason: "not asked yet",
      isNotMember: false,
    }));
  }

  handle(event: JoinEvent, nowMs: SteadyMs): JoinEffect[] {
    if (this.#isOver) return [];
    const effects: JoinEffect[] = [];
    switch (event.kind) {
      case "start":
        effects.push({ kind: "schedule", afterMs: Math.max(0, this.#deadlineMs - nowMs) });
        this.#goOn(nowMs, effects);
        break;
      case "roster": {
        const failure = checkAnchors(event.log, this.#invite, this.#localKey);
        if (failure === undefined) {
          this.#isOver = true;
          effects.push(progress("roster", `roster of ${event.log.members.length} members from ${name(event.from)}`));
          effects.push({ kind: "joined", from: event.from, log: event.log });
          break;
        }
        const standing = IS_FINAL[failure] ? "excluded" : "failed";
        this.#note(event.from, standing, ANCHOR_TEXT[failure], failure === "not_member", effects);
        this.#goOn(nowMs, effects);
        break;
      }
      case "no_roster":
        this.#note(
          event.from,
          event.why === "invalid" ? "excluded" : "failed",
          event.detail,
          event.why === "refused",
          effects,
        );
        this.#goOn(nowMs, effects);
        break;
      case "timer":
        if (nowMs >= this.#nextMs || nowMs >= this.#deadlineMs) this.#goOn(nowMs, effects);
    }
    return effects;
  }

  #note(from: JoinCandidate, standing: Standing, reason: string, isNotMember: boolean, effects: JoinEffect[]): void {
    const entry = this.#candidates.find(
      ({ candidate }) => candidate.nodeId === from.nodeId && candidate.key === from.key,
    );
    if (entry === undefined || entry.standing === "excluded") return;
    entry.standing = standing;
    entry.reason = reason;
    entry.isNotMember = isNotMember;
    // The next candidate need not wait for one that has failed; the next pass does wait.
    if (!this.#isBetweenPasses) this.#nextMs = 0;
    effects.push(progress("waiting", `${name(from)}: ${reason}`));
  }

  #goOn(nowMs: SteadyMs, effects: JoinEffect[]): void {
    if (this.#candidates.every(({ standing }) => standing === "excluded")) {
      this.#fail("roster_rejected", effects);
      return;
    }
    if (nowMs >= this.#deadlineMs) {
      const isNotMember = this.#candidates.some((entry) => entry.isNotMember);
      this.#fail(isNotMember ? "not_member" : "unavailable", effects);
      return;
    }
    if (nowMs < this.#nextMs) return;
    const next = this.#candidates.find(({ standing }) => standing === "idle");
    if (next !== undefined) {
      next.standing = "asked";
      this.#isBetweenPasses = false;
      effects.push(progress("dialing", `asking ${name(next.candidate)} for the roster`));
      effects.push({ kind: "ask_roster", to: next.candidate });
      this.#wakeAfter(this.#config.staggerMs, nowMs, effects);
      return;
    }
    // The pass is over once everyone answered; whoever still has not is not asked twice at once.
    const failed = this.#candidates.filter(({ standing }) => standing === "failed");
    if (failed.length === 0) return;
    for (const entry of failed) entry.standing = "idle";
    this.#isBetweenPasses = true;
    this.#wakeAfter(this.#waitMs, nowMs, effects);
    this.#waitMs = Math.min(this.#config.waitMaxMs, 2 * this.#waitMs);
  }

  #wakeAfter(afterMs: number, nowMs: SteadyMs, effects: JoinEffect[]): void {
    this.#nextMs = nowMs + afterMs;
    effects.push({ kind: "schedule", afterMs });
  }

  #fail(code: ErrorCode, effects: JoinEffect[]): void {
    this.#isOver = true;
    const reasons = this.#candidates.map(({ candidate, reason }) => `${name(candidate)}: ${reason}`).join("; ");
    effects.push({
      kind: "failed",
      code,
      message: `join: no candidate served the group's roster (${reasons || "none"})`,
    });
  }
}

/** Bootstrap peers in their order, then the founder, then the issuer; each once, ourselves never. */
export function candidatesOf(invite: Invite, localKey: PublicKey, config: MachineConfig): JoinCandidate[] {
  const candidates: JoinCandidate[] = [];
  const known = [invite.founder, invite.issuer];
  for (const { node_id, endpoints } of invite.bootstrap_peers ?? []) {
    const info = known.find(({ pilot_node_id }) => pilot_node_id === node_id);
    candidates.push({ nodeId: node_id, key: (info && keyOf(info)) ?? invitedHints(endpoints)[0]?.key, endpoints });
  }
  for (const info of known) candidates.push({ nodeId: info.pilot_node_id, key: keyOf(info), endpoints: [] });
  const seen = new Set<number>();
  const chosen: JoinCandidate[] = [];
  for (const candidate of candidates) {
    if (candidate.nodeId === 0 || candidate.key === localKey || seen.has(candidate.nodeId)) continue;
    seen.add(candidate.nodeId);
    if (chosen.length < config.join.candidatesMax) chosen.push(candidate);
  }
  return chosen;
}

function name({ nodeId }: JoinCandidate): string {
  return `node ${nodeId}`;
}

function progress(stage: "dialing" | "waiting" | "roster", message: string): JoinEffect {
  return { kind: "progress", stage, message };
}
