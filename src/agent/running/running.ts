import type { Clock } from "../../core/clock.ts";
import type { HostDoor } from "../door.ts";
import type { OpencodeAddress } from "../opencode/opencode-server.ts";
import type { HostPlaces, ServerEntry } from "../setup/host-setup.ts";

/** What of a host runs in the project folder, after it was set up, and what leads into it. */
export type RunningHost =
  /** It was made to start our tools: the bridge among them listens soon. */
  | { readonly kind: "bridged"; readonly shown: string }
  /** A door leads into it from outside, though it has our tools only from its next start on. */
  | {
      readonly kind: "door";
      readonly shown: string;
      readonly agent: string;
      readonly instance: string;
      readonly door: HostDoor;
    }
  /** It hears nothing before it is started again. */
  | { readonly kind: "deaf"; readonly shown: string; readonly why: string };

export interface RunningParts {
  readonly clock: Clock;
  readonly places: HostPlaces;
  readonly entry: ServerEntry;
  readonly version: string;
  readonly signal: AbortSignal;
  /** A server of opencode that its user named. */
  readonly opencode: OpencodeAddress | undefined;
}
