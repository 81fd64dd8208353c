import { encodeUtf8 } from "./utf8.ts";

const LINE_FEED = 0x0a;
const RETURN = 0x0d;
const LATIN_1 = new TextDecoder("latin1");
const STANDARD = /^[A-Za-z0-9+/]*={0,2}$/;

/**
 * Bytes of standard padded base64 as records hold it, or `undefined`. CR and LF are skipped and
 * unused trailing bits ignored, because the readers of the network do so and hash what they
 * decoded; missing or surplus padding, blanks and the URL alphabet are refused.
 */
export function decodeBase64(text: string): Uint8Array<ArrayBuffer> | undefined {
  const packed = text.includes("\n") || text.includes("\r") ? withoutBreaks(text) : text;
  if (packed.length % 4 !== 0 || !STANDARD.test(packed)) return undefined;
  try {
    return Uint8Array.fromBase64(packed, { alphabet: "base64", lastChunkHandling: "loose" });
  } catch {
    return undefined;
  }
}

/** Byte by byte, for there may be a break behind every letter. What is not ASCII stays so, and is refused like any other. */
function withoutBreaks(text: string): string {
  const bytes = encodeUtf8(text);
  let to = 0;
  for (let at = 0; at < bytes.length; at++) {
    const byte = bytes[at]!;
    if (byte !== LINE_FEED && byte !== RETURN) bytes[to++] = byte;
  }
  return LATIN_1.decode(bytes.subarray(0, to));
}
