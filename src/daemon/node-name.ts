import { trimSpace } from "../core/bytes/text.ts";
import { encodeUtf8 } from "../core/bytes/utf8.ts";
import { EntmootError } from "../core/errors.ts";
import { isHostnameValid } from "../core/record/member-profile-ad.ts";
import type { NodeStore } from "../store/node-store.ts";

/** Setting of the data root: how this node wants to be shown to other members. */
const HOSTNAME_SETTING = "hostname";
/** Ours. The longest name of a machine (RFC 1035, one label) has 63: whoever wants more has a story to tell. */
const HOSTNAME_BYTES_MAX = 64;

/**
 * The name to show, kept from start to start: the one given now, else the one given last, else none. Throws
 * `invalid_argument` for one that peers would drop: they would go on with the name of before.
 */
export function nodeName(given: string | undefined, settings: NodeStore): string {
  if (given === undefined) return keptName(settings);
  const name = parseNodeName(given);
  settings.setSetting(HOSTNAME_SETTING, name === "" ? undefined : JSON.stringify(name));
  return name;
}

/** The name as it is kept, without white space around it. Throws as `nodeName`. */
export function parseNodeName(given: string): string {
  const name = trimSpace(given);
  const bytes = encodeUtf8(name).length;
  if (bytes > HOSTNAME_BYTES_MAX) {
    throw new EntmootError(
      "invalid_argument",
      `-hostname: expected at most ${HOSTNAME_BYTES_MAX} bytes, found ${bytes}`,
    );
  }
  const control = /\p{Cc}/u.exec(name)?.[0];
  if (control !== undefined) {
    const code = control.codePointAt(0)!.toString(16).toUpperCase().padStart(4, "0");
    throw new EntmootError("invalid_argument", `-hostname: expected no control characters, found U+${code}`);
  }
  return name;
}

/** One that was kept before names were looked at is none: peers have never taken it. */
function keptName(settings: NodeStore): string {
  const kept = settings.getSetting(HOSTNAME_SETTING);
  if (kept === undefined) return "";
  const value: unknown = JSON.parse(kept);
  return typeof value === "string" && isHostnameValid(value) ? value : "";
}
