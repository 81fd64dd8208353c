/** Decoders as they are easily read: slow, and right. What is fast is held to them. */

const FATAL = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Byte by byte: one U+FFFD for every byte that is not part of a valid sequence. */
export function slowUtf8(bytes: Uint8Array): string {
  let text = "";
  for (let at = 0; at < bytes.length; ) {
    const width = sequenceLength(bytes, at);
    text += width === 0 ? "\ufffd" : FATAL.decode(bytes.subarray(at, at + width));
    at += width || 1;
  }
  return text;
}

/** Length of the valid sequence at `at`, or 0. */
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

/** A JSON string in either form, one replaced character after the other. */
export function slowJsonString(text: string, form: "wire" | "canonical"): string {
  const escapes = form === "wire" ? /[<>&\u2028\u2029]/g : /[\u2028\u2029]/g;
  return JSON.stringify(text.toWellFormed()).replace(
    escapes,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

/** The value of the JSON string that `json` is, escape by escape; `undefined` when it is none. */
export function slowStringValue(json: string): string | undefined {
  if (!json.startsWith('"')) return undefined;
  let value = "";
  for (let at = 1; at < json.length; at++) {
    const char = json[at]!;
    if (char === '"') return at === json.length - 1 ? value.toWellFormed() : undefined;
    if (char < " ") return undefined;
    if (char !== "\\") {
      value += char;
      continue;
    }
    const plain = PLAIN_ESCAPES[json[at + 1] ?? ""];
    const digits = json.slice(at + 2, at + 6);
    if (plain !== undefined) value += plain;
    else if (json[at + 1] === "u" && /^[0-9a-fA-F]{4}$/.test(digits))
      value += String.fromCharCode(Number.parseInt(digits, 16));
    else return undefined;
    at += plain === undefined ? 5 : 1;
  }
  return undefined;
}

const PLAIN_ESCAPES: Readonly<Record<string, string>> = {
  '"': '"',
  "\\": "\\",
  "/": "/",
  b: "\b",
  f: "\f",
  n: "\n",
  r: "\r",
  t: "\t",
};

/** Canonical form of a value whose numbers are whole and small, by recursion. */
export function slowCanonical(value: unknown): string {
  if (typeof value === "string") return slowJsonString(value, "canonical");
  if (Array.isArray(value)) return `[${value.map(slowCanonical).join(",")}]`;
  if (typeof value !== "object" || value === null) return String(value);
  const byKey = new Map(Object.entries(value).map(([key, inner]) => [key.toWellFormed(), inner]));
  const keys = [...byKey.keys()].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
  return `{${keys.map((key) => `${slowJsonString(key, "canonical")}:${slowCanonical(byKey.get(key))}`).join(",")}}`;
}

/** Standard padded base64 with its line breaks taken out first. */
export function slowBase64(text: string): Uint8Array | undefined {
  const packed = text.replace(/[\r\n]/g, "");
  if (packed.length % 4 !== 0 || !/^[A-Za-z0-9+/]*={0,2}$/.test(packed)) return undefined;
  try {
    return Uint8Array.fromBase64(packed, { alphabet: "base64", lastChunkHandling: "loose" });
  } catch {
    return undefined;
  }
}
