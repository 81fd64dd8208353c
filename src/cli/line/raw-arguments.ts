import { EntmootError } from "../../core/errors.ts";

/** What stands for bytes that are no UTF-8 once the runtime has made text of an argument; a half of a pair likewise. */
const REPLACED = /\ufffd|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/;

/** Variables that name files or say what to do, beside all that begin with `ENTMOOT_`. */
const VARIABLES = /^(?:ENTMOOT_.*|PILOT_SOCKET|HOME)$/;

/** Where the kernel keeps what a process was started with, byte for byte; elsewhere than on Linux there is no such place. */
const KEPT_ARGUMENTS = "/proc/self/cmdline";
const KEPT_VARIABLES = "/proc/self/environ";

/**
 * Refuses arguments and variables that are not UTF-8: the runtime has put other characters in their place, so what
 * would be signed, or the file that would be opened, is not what was said. Where the bytes cannot be looked at, the
 * characters put in their place are refused. Throws `invalid_argument`, naming the first such.
 */
export async function refuseChangedWords(
  argv: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
  read: (path: string) => Promise<Uint8Array | undefined> = readKept,
): Promise<void> {
  // What was put in their place shows in the text, so the common case costs no system call.
  if (argv.some((word) => REPLACED.test(word))) {
    const kept = splitAtNul(await read(KEPT_ARGUMENTS))?.slice(-argv.length);
    const isKept = kept?.length === argv.length;
    for (const [at, word] of argv.entries()) {
      if (!REPLACED.test(word) || (isKept && isUtf8(kept[at]!))) continue;
      throw refusal(placeOf(argv, at), isKept ? kept[at] : undefined);
    }
  }
  const suspects = Object.entries(env).filter(([name, value]) => VARIABLES.test(name) && REPLACED.test(value ?? ""));
  if (suspects.length === 0) return;
  const kept = splitAtNul(await read(KEPT_VARIABLES));
  for (const [name] of suspects) {
    const prefix = new TextEncoder().encode(`${name}=`);
    const found = kept?.find((entry) => prefix.every((byte, at) => entry[at] === byte))?.subarray(prefix.length);
    if (found === undefined || !isUtf8(found)) throw refusal(name, found);
  }
}

/** How an argument is named: by its flag where it belongs to one, else by its number. */
function placeOf(argv: readonly string[], at: number): string {
  const own = /^--?([^=]+)=/.exec(argv[at]!)?.[1];
  if (own !== undefined && !REPLACED.test(own)) return `-${own}`;
  const ahead = at === 0 ? undefined : /^--?([a-z][a-z-]*)$/.exec(argv[at - 1]!)?.[1];
  return ahead === undefined ? `argument ${at + 1}` : `-${ahead}`;
}

function refusal(place: string, bytes: Uint8Array | undefined): EntmootError {
  const found = bytes === undefined ? "U+FFFD, which stands for bytes that are not" : `${quoted(bytes)}, which is not`;
  const hint = place === "-content" ? "; to publish bytes as they are, give them to -file -" : "";
  return new EntmootError("invalid_argument", `${place}: expected text in UTF-8, found ${found}${hint}`);
}

/** Ours. A failure is a line or two. */
const SHOWN_MAX = 60;

/** The bytes as a person can write them: `"caf\xe9"`. */
function quoted(bytes: Uint8Array): string {
  const shown = Array.from(bytes.subarray(0, SHOWN_MAX), (byte) =>
    byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : `\\x${byte.toString(16).padStart(2, "0")}`,
  );
  return `"${shown.join("")}${bytes.length > SHOWN_MAX ? "…" : ""}"`;
}

function splitAtNul(bytes: Uint8Array | undefined): Uint8Array[] | undefined {
  if (bytes === undefined) return undefined;
  const words: Uint8Array[] = [];
  for (let from = 0; from < bytes.length; ) {
    const nul = bytes.indexOf(0, from);
    const to = nul < 0 ? bytes.length : nul;
    words.push(bytes.subarray(from, to));
    from = to + 1;
  }
  return words;
}

function isUtf8(bytes: Uint8Array): boolean {
  try {
    new TextDecoder("utf-8", { fatal: true }).decode(bytes);
    return true;
  } catch {
    return false;
  }
}

/** Loaded only here: a command that only prints its version should not pay for the file system. */
async function readKept(path: string): Promise<Uint8Array | undefined> {
  try {
    const { readFileSync } = await import("node:fs");
    return readFileSync(path);
  } catch {
    return undefined;
  }
}
