import type { EnvelopeRoom } from "../core/agents/envelope.ts";
import type { MessageId } from "../core/ids.ts";

/** Messages that go into a host as one turn. */
export interface Handing {
  readonly ids: readonly MessageId[];
  /** What the model is to be shown: the envelope, `core/agents/envelope.ts`. */
  readonly text: string;
  /**
   * Whether they are still this door's to give: asked right before the first byte, after whatever was waited for. `false`: somebody
   * else may have been given them since, or nobody can say; then nothing is given, and the answer is `later`.
   */
  readonly mayGive: () => Promise<boolean>;
}

/** Messages that were handed to an agent of this host. */
export interface SoughtInHost {
  readonly ids: readonly MessageId[];
  /** Which one it was, as `FoundHost.agent` names it; perhaps another than that of this door. */
  readonly agent: string;
}

/** What a door says that was told not to give: see `Handing.mayGive`. */
export const NOT_OURS: Handed = { level: "later", reason: "nobody can say that it is still to be given here" };

/**
 * What a door has seen happen, from least to most. `submitted`: the host took it, and nothing more can be seen.
 * `delivered`: the host's own record holds it. `read`: it is in the conversation. `later`: the host is busy or its user
 * is at work in it; nothing was given to it. `refused`: the host said no, with its words.
 */
export type Handed =
  | { readonly level: "submitted" | "delivered" | "read"; readonly evidence: string }
  | { readonly level: "later"; readonly reason: string }
  | { readonly level: "refused"; readonly reason: string };

/** Whether a host's record holds a message, `read`: in its conversation; `unknown`: it cannot be told, and nobody may guess. */
export type FoundInHost = "read" | "present" | "absent" | "unknown";

/** A way into one running host. */
export interface HostDoor extends AsyncDisposable {
  /** Such as `claude inbox`, as reports show it. */
  readonly name: string;
  /** Whether `look` can ever say `absent`. */
  readonly canLook: boolean;
  /** How much goes in as one turn; `undefined`: as much as comes. */
  readonly room?: EnvelopeRoom | undefined;
  /**
   * Hands it over once, and waits for what can be seen of it. Rejects with an `EntmootError` when the host went away meanwhile
   * or what happened cannot be told: then `look` is asked before anybody hands it over again.
   */
  hand(handing: Handing, signal: AbortSignal): Promise<Handed>;
  /** Looks in the host's own record for what was handed over before; `unknown` where that agent's record is not at hand. */
  look(sought: SoughtInHost, signal: AbortSignal): Promise<ReadonlyMap<MessageId, FoundInHost>>;
}
