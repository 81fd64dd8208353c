import type { RunningProgram } from "../host/running-program.ts";
import type { DaemonOperations } from "../node/daemon-operations.ts";
import type { ControlFrame } from "../wire/control/control-frame.ts";

/** The way for a daemon that is a program of its own to start again in place. */
export interface Restart {
  readonly program: RunningProgram;
  /** Ends the daemon cleanly soon; `program` then takes the process over. */
  readonly request: () => void;
}

/** What a handler works with: the node, the way back, and whether anybody still listens. */
export interface Exchange {
  readonly node: DaemonOperations;
  /** `undefined` for a daemon inside another program. */
  readonly restart: Restart | undefined;
  /** Waits while the client is slow; throws when it has gone. */
  readonly send: (frame: ControlFrame) => Promise<void>;
  /** Aborts when the client has gone or the server ends. */
  readonly gone: AbortSignal;
}

/** Carries out one kind of request and sends its replies. What it throws is told to the client. */
export type Handler<Kind extends ControlFrame["kind"]> = (
  request: Extract<ControlFrame, { kind: Kind }>,
  exchange: Exchange,
) => Promise<void>;
