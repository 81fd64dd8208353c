import { textOfUnits } from "./text-units.ts";

/** `ignoreBOM` keeps a leading U+FEFF in the text, where a JSON reader refuses it. */
const FATAL = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const ENCODER = new TextEncoder();

/**
 * Text of `bytes`. Every byte that is not part of a valid sequence becomes one U+FFFD; a
 * `TextDecoder` gives one for a whole truncated sequence, which would change hashed bytes.
 */
export function decodeUtf8(bytes: Uint8Array): string {
  try {
    return FATAL.decode(bytes);
  } catch {
    return decodeBroken(bytes);
  }
}

/** UTF-8 of `text`; a lone surrogate becomes U+FFFD. */
export function encodeUtf8(text: string): Uint8Array<ArrayBuffer> {
  return ENCODER.encode(text);
}

/**
 * Unit by unit, into room for all of them: no byte makes more than one. Deciding piece by piece with the decoder above
 * would cost a call for every broken byte.
 */
function decodeBroken(bytes: Uint8Array): string {
  const { length } = bytes;
  const units = new Uint16Array(length);
  let to = 0;
  for (let at = 0; at < length; ) {
    const first = bytes[at]!;
    if (first < 0x80) {
      units[to++] = first;
      at += 1;
      continue;
    }
    // Two bytes are told apart here: the checks below are for what is longer.
    if (first >= 0xc2 && first < 0xe0) {
      const second = at + 1 < length ? bytes[at + 1]! : 0;
      const isPair = (second & 0xc0) === 0x80;
      units[to++] = isPair ? ((first & 0x1f) << 6) | (second & 0x3f) : 0xfffd;
      at += isPair ? 2 : 1;
      continue;
    }
    const width = first < 0xe0 ? 0 : longSequence(bytes, at, first);
    if (width === 0) units[to++] = 0xfffd;
    else if (width === 3) units[to++] = ((first & 0x0f) << 12) | (tail(bytes, at + 1) << 6) | tail(bytes, at + 2);
    else {
      const beyond =
        (((first & 0x07) << 18) | (tail(bytes, at + 1) << 12) | (tail(bytes, at + 2) << 6) | tail(bytes, at + 3)) -
        0x1_0000;
      units[to++] = 0xd800 | (beyond >> 10);
      units[to++] = 0xdc00 | (beyond & 0x3ff);
    }
    at += width === 0 ? 1 : width;
  }
  return textOfUnits(units.subarray(0, to));
}

function tail(bytes: Uint8Array, at: number): number {
  return bytes[at]! & 0x3f;
}

/**
 * Length of the valid sequence at `at`, which begins with `first` of 0xe0 or above, or 0. The bounds of the second byte
 * exclude overlong forms and surrogates.
 */
function longSequence(bytes: Uint8Array, at: number, first: number): number {
  if (first > 0xf4) return 0;
  const width = first < 0xf0 ? 3 : 4;
  if (at + width > bytes.length) return 0;
  const low = first === 0xe0 ? 0xa0 : first === 0xf0 ? 0x90 : 0x80;
  const high = first === 0xed ? 0x9f : first === 0xf4 ? 0x8f : 0xbf;
  const second = bytes[at + 1]!;
  if (second < low || second > high || (bytes[at + 2]! & 0xc0) !== 0x80) return 0;
  return width === 3 || (bytes[at + 3]! & 0xc0) === 0x80 ? width : 0;
}
