import type { HostPlaces, HostSetup, ServerEntry } from "../../agent/setup/host-setup.ts";
import { HOST_SETUPS } from "../../agent/setup/host-setups.ts";
import { EntmootError } from "../../core/errors.ts";
import { homeFolder } from "../../host/home-path.ts";
import { programPath } from "../../host/program-name.ts";
import { startFolder } from "../../host/start-folder.ts";
import { didYouMean } from "../../view/nearest.ts";

/** What hosts call our server, and so its tools. */
export const ENTRY_NAME = "entmoot";

/** The host that a word names. Throws `invalid_argument` listing those there are. */
export function parseHost(label: string, word: string): HostSetup {
  const found = HOST_SETUPS.find(({ host }) => host === word);
  if (found !== undefined) return found;
  const known = HOST_SETUPS.map(({ host }) => host).join(", ");
  const other = "any other program that runs in a terminal: entmootd attach -- COMMAND";
  throw new EntmootError(
    "invalid_argument",
    `${label}: expected one of ${known}, found ${JSON.stringify(word.slice(0, 80))}${didYouMean(
      word,
      HOST_SETUPS.map(({ host }) => host),
    )}; ${other}`,
  );
}

/** The home and the folder that the person is in. */
export function hostPlaces(): HostPlaces {
  const { env } = process;
  return { home: homeFolder(env), project: startFolder(), env };
}

/** The entry by which a host starts this program for the data root whose agents' socket is named. */
export function serverEntry(socket: string, flags: readonly string[] = []): ServerEntry {
  return { name: ENTRY_NAME, command: programPath(), args: ["mcp", ...flags], env: { ENTMOOT_AGENT_SOCKET: socket } };
}
