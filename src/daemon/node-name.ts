import { EntmootError } from "../core/errors.ts";
import type { NodeStore } from "../store/node-store.ts";

/** Setting of the data root: how this node wants to be shown to other members. */
const HOSTNAME_SETTING = "hostname";
/** Ours. The longest name of a machine (RFC 1035, one label) has 63: whoever wants more has a story to tell. */
const HOSTNAME_BYTES_MAX = 64;

/** The name to show, kept from start to start: the one given now, else the one given last, else none. */
export function nodeName(given: string | undefined, settings: NodeStore): string {
  const name = given?.trim();
  if (name === undefined) return keptName(settings);
  if (Buffer.byteLength(name) > HOSTNAME_BYTES_MAX) {
    throw new EntmootError(
      "invalid_argument",
      `-hostname: expected at most ${HOSTNAME_BYTES_MAX} bytes, found ${Buffer.byteLength(name)}`,
    );
  }
  settings.setSetting(HOSTNAME_SETTING, name === "" ? undefined : JSON.stringify(name));
  return name;
}

function keptName(settings: NodeStore): string {
  const kept = settings.getSetting(HOSTNAME_SETTING);
  if (kept === undefined) return "";
  const value: unknown = JSON.parse(kept);
  return typeof value === "string" ? value : "";
}
