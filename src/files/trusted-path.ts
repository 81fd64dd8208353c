import { lstatSync, readlinkSync, type Stats, statSync } from "node:fs";
import { join, resolve } from "node:path";
import { EntmootError } from "../core/errors.ts";

/** Ours, as the system has it: more links than this lead in a circle. */
const LINKS_MAX = 40;

/**
 * Where `path` leads, without any link: what is opened there is what was looked at. A link that somebody else made is
 * followed only to what is theirs too, for root at work in a user's folder must not reach through it what the user
 * could not. The end may be missing. Throws `data_root_invalid` naming the link.
 */
export function trustedPath(path: string): string {
  let links = 0;
  let done = "/";
  const ahead = resolve(path).split("/").filter(Boolean).reverse();
  for (let part = ahead.pop(); part !== undefined; part = ahead.pop()) {
    const here = join(done, part);
    const found = lstatSync(here, { throwIfNoEntry: false });
    if (found === undefined) return join(here, ...ahead.reverse());
    if (!found.isSymbolicLink()) {
      done = here;
      continue;
    }
    requireOwnTarget(here, found);
    links += 1;
    if (links > LINKS_MAX) {
      throw new EntmootError("data_root_invalid", `${path}: its symbolic links lead in a circle; mend them`);
    }
    const target = readlinkSync(here);
    if (target.startsWith("/")) done = "/";
    ahead.push(
      ...target
        .split("/")
        .filter((each) => each !== "" && each !== ".")
        .reverse(),
    );
  }
  return done;
}

function requireOwnTarget(link: string, { uid }: Stats): void {
  if (uid === 0 || uid === process.geteuid?.()) return;
  const target = statSync(link, { throwIfNoEntry: false });
  // What is not there yet would be made with our rights.
  if (target === undefined ? process.geteuid?.() !== 0 : target.uid === uid) return;
  const whose = target === undefined ? "nothing that is there" : `what is user ${target.uid}'s`;
  throw new EntmootError(
    "data_root_invalid",
    `${link}: a symbolic link of user ${uid} to ${whose}: it is not followed for another user; remove it, or run this as user ${uid}`,
  );
}
