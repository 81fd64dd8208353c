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

function decodeBroken(bytes: Uint8Array): string {
  const parts: string[] = [];
  let valid = 0;
  let at = 0;
  while (at < bytes.length) {
    const width = sequenceLength(bytes, at);
    if (width > 0) {
      at += width;
      continue;
    }
    parts.push(FATAL.decode(bytes.subarray(valid, at)), "\ufffd");
    at += 1;
    valid = at;
  }
  parts.push(FATAL.decode(bytes.subarray(valid)));
  return parts.join("");
}

/** Length of the valid sequence at `at`, or 0. The bounds of the second byte exclude overlong forms and surrogates. */
function sequenceLength(bytes: Uint8Array, at: number): number {
  const first = bytes[at]!;
  if (first < 0x80) return 1;
  if (first < 0xc2 || first > 0xf4) return 0;
  const width = first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
  if (at + width > bytes.length) return 0;
  const low = first === 0xe0 ? 0xa0 : first === 0xf0 ? 0x90 : 0x80;
  const high = first === 0xed ? 0x9f : first === 0xf4 ? 0x8f : 0xbf;
  const second = bytes[at + 1]!;
  if (second < low || second > high) return 0;
  for (let i = 2; i < width; i++) if ((bytes[at + i]! & 0xc0) !== 0x80) return 0;
  return width;
}
