import * as v from "valibot";
import type { Neighbours } from "../core/agents/trust.ts";
import { PublicKey } from "../core/ids.ts";
import { VOICES_MAX } from "../node/operations/voices.ts";

/** Ours. One line from the daemon above a voice, with room to spare. */
export const NEIGHBOURS_LINE_MAX = 8192;

const key = v.pipe(v.string(), v.length(44));
const line = v.object({ operator: key, voices: v.pipe(v.array(key), v.maxLength(VOICES_MAX)) });

/** As the daemon above writes it to a voice's stdin. */
export function neighboursLine({ operator, voices }: Neighbours): string {
  return JSON.stringify({
    operator: operator === undefined ? undefined : PublicKey.toBase64(operator),
    voices: Array.from(voices, (each) => PublicKey.toBase64(each)),
  });
}

/** `undefined` for what is no such line: a daemon of another version may say other things. */
export function parseNeighbours(text: string): Neighbours | undefined {
  try {
    const { operator, voices } = v.parse(line, JSON.parse(text));
    return { operator: keyOf(operator), voices: new Set(voices.map(keyOf)) };
  } catch {
    return undefined;
  }
}

function keyOf(text: string): PublicKey {
  return PublicKey.fromBytes(Uint8Array.fromBase64(text));
}
