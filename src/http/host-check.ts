import type { ServedRequest } from "../host/http-request.ts";
import { forbidden, HttpFailure } from "./http-failure.ts";

/** Under which names the service may be asked. */
export interface HostRule {
  /** It listens on this machine alone: a web page must not reach it by a name of its own. */
  readonly isLoopback: boolean;
  /** Further names, lower case, without port. */
  readonly allowed: ReadonlySet<string>;
}

/** Throws 421 for a name that is not the service's, and 403 for a page of somebody else's that asks. */
export function checkHost(request: Pick<ServedRequest, "header" | "isSecure">, rule: HostRule): void {
  const host = (request.header("host") ?? "").toLowerCase();
  const name = nameOf(host);
  if (!isNamed(name, rule)) {
    throw new HttpFailure(421, "misdirected_request", "this service does not answer under that name; see -allow-host");
  }
  const origin = request.header("origin")?.toLowerCase();
  if (origin === undefined || origin === `${request.isSecure ? "https" : "http"}://${host}`) return;
  // Behind what ends TLS the scheme is another.
  if (origin === `https://${host}` && !rule.isLoopback) return;
  throw forbidden("requests of other sites are refused");
}

function isNamed(name: string, { allowed, isLoopback }: HostRule): boolean {
  if (allowed.has(name)) return true;
  if (!isLoopback) return allowed.size === 0;
  return name === "localhost" || name === "::1" || /^127\.\d{1,3}\.\d{1,3}\.\d{1,3}$/.test(name);
}

/** Without port and brackets. */
function nameOf(host: string): string {
  const bracketed = /^\[([^\]]*)\](?::\d+)?$/.exec(host);
  return bracketed === null ? host.replace(/:\d+$/, "") : bracketed[1]!;
}
