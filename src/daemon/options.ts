/** Which relays iroh uses. */
export type RelayChoice =
  | { readonly kind: "default" }
  | { readonly kind: "off" }
  | { readonly kind: "urls"; readonly urls: readonly string[] };

/** How much is logged. */
export type LogLevel = "debug" | "info" | "warn" | "error";

/** What a node in this process is told from outside, checked. Paths are absolute. */
export interface GlobalOptions {
  readonly dataDir: string;
  readonly identityPath: string;
  readonly transport: "auto" | "iroh" | "pilot" | "memory";
  readonly relay: RelayChoice;
  /** `undefined`: choose once and keep; 0: any free port at each start. */
  readonly irohPort: number | undefined;
  /** IP addresses; empty means all interfaces. */
  readonly irohBind: readonly string[];
  readonly lan: boolean;
  readonly hideIp: boolean;
  readonly pilotSocket: string;
  readonly listenPort: number;
  /** At most one attempt when zero or less. */
  readonly pilotWaitTimeoutMs: number;
  readonly pilotWaitBaseDelayMs: number;
  readonly pilotWaitMaxDelayMs: number;
  /** Flags that were given and say how to wait for Pilot, which no version has so far: whoever starts a carrier says so. */
  readonly pilotWaitGiven: readonly string[];
  readonly logLevel: LogLevel;
  readonly traceGossipTransport: boolean;
  readonly traceReconcile: boolean;
  readonly jsonErrors: boolean;
  /** The agents' socket that commands speak over, without a data root; `undefined`: none. */
  readonly agentSocket: string | undefined;
}
