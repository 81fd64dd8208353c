const STANDARD = /^[A-Za-z0-9+/]*={0,2}$/;
const LINE_BREAKS = /[\r\n]/g;

/**
 * Bytes of standard padded base64 as records hold it, or `undefined`. CR and LF are skipped and
 * unused trailing bits ignored, because the readers of the network do so and hash what they
 * decoded; missing or surplus padding, blanks and the URL alphabet are refused.
 */
export function decodeBase64(text: string): Uint8Array<ArrayBuffer> | undefined {
  const packed = text.includes("\n") || text.includes("\r") ? text.replace(LINE_BREAKS, "") : text;
  if (packed.length % 4 !== 0 || !STANDARD.test(packed)) return undefined;
  try {
    return Uint8Array.fromBase64(packed, { alphabet: "base64", lastChunkHandling: "loose" });
  } catch {
    return undefined;
  }
}
