import type { AuthMode } from "../http/authenticate.ts";

/** Keys with which pushes are sent to Apple's service. */
export interface ApnsOptions {
  readonly teamId: string;
  readonly keyId: string;
  readonly topic: string;
  /** Absolute. */
  readonly keyPath: string;
  readonly isSandbox: boolean;
  /** Instead of Apple's, as for a relay or a test. */
  readonly origin: string | undefined;
}

/** What the HTTP service is told from outside, checked. Paths are absolute. */
export interface EspOptions {
  /** As it was given. */
  readonly addr: string;
  readonly hostname: string;
  readonly port: number;
  readonly isLoopback: boolean;
  readonly mode: AuthMode;
  /** `undefined` only in the mode `device`. */
  readonly token: string | undefined;
  readonly deviceKeysPath: string;
  /** Names it answers under, lower case, beside those of this machine. */
  readonly allowedHosts: ReadonlySet<string>;
  readonly tls: { readonly certPath: string; readonly keyPath: string } | undefined;
  /** Requests of one in a minute; 0 for no limit. */
  readonly perMinute: number;
  readonly apns: ApnsOptions | undefined;
  /** `undefined`: it is not told on the local network. */
  readonly bonjourName: string | undefined;
}
