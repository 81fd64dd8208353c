import type { MessageId } from "../core/ids.ts";

/** Messages that go into a host as one turn. */
export interface Handing {
  readonly ids: readonly MessageId[];
  /** What the model is to be shown: the envelope, `core/agents/envelope.ts`. */
  readonly text: string;
}

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
  /**
   * Hands it over once, and waits for what can be seen of it. Rejects with an `EntmootError` when the host went away meanwhile
   * or what happened cannot be told: then `look` is asked before anybody hands it over again.
   */
  hand(handing: Handing, signal: AbortSignal): Promise<Handed>;
  /** Looks in the host's own record for what was handed over before. */
  look(ids: readonly MessageId[], signal: AbortSignal): Promise<ReadonlyMap<MessageId, FoundInHost>>;
}
