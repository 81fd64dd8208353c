import { decodeBase64 } from "../../core/bytes/base64.ts";
import { sha256 } from "../../core/bytes/sha256.ts";
import { trimSpace } from "../../core/bytes/text.ts";
import { encodeUtf8 } from "../../core/bytes/utf8.ts";
import { EntmootError } from "../../core/errors.ts";
import { publicKeyOf, SEED_BYTES, sign } from "../../core/signature.ts";
import { readAtMost } from "../../files/read-at-most.ts";
import { absolutePath, homeFolder } from "../../host/home-path.ts";
import { printJson } from "../../host/print.ts";
import { realClock } from "../../host/real-clock.ts";
import { NONCE_BYTES_MAX } from "../../http/authenticate.ts";
import { deviceSigningInput } from "../../http/signing-input.ts";
import { fileFailure } from "../../store/private-files.ts";
import { defineCommand } from "../line/command.ts";
import { namedFailure } from "../line/command-error.ts";
import { globalFlags } from "../line/global-flags.ts";
import { jsonAlready } from "../line/json-already.ts";

const LABEL = "esp sign-request";
/** Ours. A key and some blanks; what is larger is another file. */
const KEY_FILE_MAX = 4096;
/** Wire. What the service takes at most. */
const BODY_MAX = 16 * 1024 * 1024;

/** `esp sign-request`: the headers with which a device asks. */
export const espSignRequest = defineCommand({
  meta: { name: "sign-request", description: "Sign one request as a device, and print the headers to send with it" },
  help: {
    examples: ["entmootd esp sign-request -device a -private-key-file k -method GET -path /v1"],
    exits: [0, 1, 5],
    notes: [
      "The path is signed as it is sent, query and escapes and all. The signature counts once, for five minutes.",
    ],
  },
  args: {
    ...globalFlags,
    ...jsonAlready,
    device: { type: "string", valueHint: "ID", description: "the device (required)" },
    "private-key-file": { type: "string", valueHint: "FILE", description: "its key, as onboard printed it (required)" },
    method: { type: "string", valueHint: "METHOD", description: "such as GET (required)" },
    path: { type: "string", valueHint: "PATH", description: "path and query as sent (required)" },
    body: { type: "string", valueHint: "FILE", defaultHint: "none", description: "the body; - reads it from stdin" },
    "timestamp-ms": { type: "string", valueHint: "MS", defaultHint: "now", description: "stamp, Unix milliseconds" },
    nonce: {
      type: "string",
      valueHint: "TEXT",
      defaultHint: "drawn",
      description: "1 to 256 bytes, never used before",
    },
    "show-input": { type: "boolean", description: "also the text that is signed" },
  },
  async run({ args }) {
    await namedFailure(LABEL, async () => {
      const device = required(args.device, "device");
      const method = required(args.method, "method").toUpperCase();
      const target = required(args.path, "path");
      const keyPath = required(args["private-key-file"], "private-key-file");
      const timestampMs = stampOf(args["timestamp-ms"]);
      if (args.nonce !== undefined && !isNonce(args.nonce)) {
        throw new EntmootError(
          "invalid_argument",
          `-nonce: expected 1 to ${NONCE_BYTES_MAX} bytes without blanks around them`,
        );
      }
      if (args.body !== undefined) required(args.body, "body");
      const seed = seedIn(fileOf(keyPath, KEY_FILE_MAX));
      const body = await bodyOf(args.body);
      const drawn = () =>
        crypto.getRandomValues(new Uint8Array(16)).toBase64({ alphabet: "base64url", omitPadding: true });
      const nonce = args.nonce ?? drawn();
      const input = deviceSigningInput({ method, target, timestampMs, nonce, body });
      printJson({
        method,
        path: target,
        body_sha256: sha256(body).toBase64(),
        headers: {
          "X-Entmoot-Device-ID": device,
          "X-Entmoot-Nonce": nonce,
          "X-Entmoot-Signature": sign(seed, encodeUtf8(input)).toBase64(),
          "X-Entmoot-Timestamp-Ms": String(timestampMs),
        },
        ...(args["show-input"] ? { signing_input: input } : {}),
      });
    });
  },
});

function required(value: string | undefined, name: string): string {
  const text = trimSpace(value ?? "");
  if (text === "") throw new EntmootError("invalid_argument", `-${name} is required`);
  return text;
}

function isNonce(text: string): boolean {
  return text !== "" && text === trimSpace(text) && Buffer.byteLength(text) <= NONCE_BYTES_MAX;
}

function fileOf(path: string, max: number): Uint8Array {
  const absolute = absolutePath(path, () => homeFolder(process.env));
  try {
    const bytes = readAtMost(absolute, max);
    if (bytes !== undefined) return bytes;
  } catch (error) {
    throw fileFailure(error, absolute);
  }
  throw new EntmootError("invalid_argument", `${absolute}: expected a file of at most ${max} bytes`);
}

/** Of the 64-byte form: seed, then public key. */
function seedIn(bytes: Uint8Array): Uint8Array {
  const text = trimSpace(new TextDecoder().decode(bytes)).replace(/=+$/, "");
  const key = decodeBase64(text.padEnd(Math.ceil(text.length / 4) * 4, "="));
  const seed = key?.subarray(0, SEED_BYTES);
  if (key?.length !== 64 || publicKeyOf(seed!).toHex() !== key.subarray(SEED_BYTES).toHex()) {
    throw new EntmootError("invalid_argument", "-private-key-file: expected a 64-byte Ed25519 private key in base64");
  }
  return seed!;
}

async function bodyOf(path: string | undefined): Promise<Uint8Array> {
  if (path === undefined) return new Uint8Array(0);
  if (path !== "-") return fileOf(path, BODY_MAX);
  const bytes = new Uint8Array(await Bun.stdin.arrayBuffer());
  if (bytes.length <= BODY_MAX) return bytes;
  throw new EntmootError("invalid_argument", `-body: expected at most ${BODY_MAX} bytes on stdin`);
}

function stampOf(text = "0"): bigint {
  if (!/^\d{1,15}$/.test(text)) throw new EntmootError("invalid_argument", "-timestamp-ms must be Unix milliseconds");
  return text === "0" ? BigInt(realClock.unix()) : BigInt(text);
}
