import { generateKeyPairSync } from "node:crypto";
import { tokenHash } from "../../core/admission/open-invite.ts";
import { sha256 } from "../../core/bytes/sha256.ts";
import { unixMs } from "../../core/clock.ts";
import { GroupId, MessageId, PublicKey } from "../../core/ids.ts";
import { sign } from "../../core/signature.ts";
import type { Http2Ask } from "../../host/http2-client.ts";
import { formatHistoryCursor, parseHistoryCursor } from "../../http/history-cursor.ts";
import { Apns } from "../../http/push/apns.ts";
import { deviceSigningInput, memberSigningInput, signedBytes } from "../../http/signing-input.ts";
import { EspWorld, VectorClock } from "../esp-world.ts";
import { hexField, numberField, objectField, textField } from "../fields.ts";
import { expectEqual, type Subject, type VectorCase, type VectorFile } from "../subject.ts";

/** What they show depends on requests that were signed before. */
const AFTER_SIGNING = new Set([
  "dual/bearer creating an operation",
  "push/sign request wakes the device",
  "push/group-bound sign request",
  "push/current device",
  "device/stamp 299 s ahead",
  "device/same request replayed after nonce expiry (quirk: accepted)",
]);

let world: EspWorld | undefined;

/** Requests to a service and what it answers, in file order against one state. */
export const subject: Subject = {
  kindOf: ({ name, op, request }) => {
    if (op !== "http") return undefined;
    const { target } = (request ?? {}) as { readonly target?: string };
    return `http/${partOf(name, target ?? "")}`;
  },
  kinds: {
    signing_input: checkSigningInput,
    cursor: checkCursor,
    token_hash: (vector) => expectEqual(hashOf(textField(vector, "token")), textField(vector, "token_hash")),
    "http/health": checkHttp,
    "http/routing": checkHttp,
    "http/bearer": checkHttp,
    "http/device": checkHttp,
    "http/member": checkHttp,
    "http/dual": checkHttp,
    "http/groups": checkHttp,
    "http/mailbox": checkHttp,
    "http/history": checkHttp,
    "http/prefs": checkHttp,
    "http/push": checkHttp,
    apns: checkPush,
  },
  close() {
    world?.close();
    world = undefined;
  },
};

/** Which part of the service a request is about: the first word of its case, or what its target says. */
function partOf(name: string, target: string): string {
  if (target.startsWith("/v1/notifications/")) return "prefs";
  if (target.includes("/live-agents")) return "live-agents";
  const [part] = name.split(/[/ ]/);
  return AFTER_SIGNING.has(name) ? "sign" : part!;
}

async function checkHttp(vector: VectorCase, file: VectorFile): Promise<void> {
  world ??= new EspWorld(file);
  const { body, headers, status } = await world.ask(vector);
  const expected = objectField(vector, "response");
  const text = body instanceof Uint8Array ? new TextDecoder().decode(body) : "";
  const recorded = textField(expected, "body");
  expectEqual(`${status} ${codeIn(text)}`, `${numberField(expected, "status")} ${codeIn(recorded)}`);
  const byName = new Map(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));
  for (const [name, value] of Object.entries(objectField(expected, "headers"))) {
    expectEqual(`${name}: ${byName.get(name.toLowerCase())}`, `${name}: ${value as string}`);
  }
  expectEqual(text.endsWith("\n"), recorded.endsWith("\n"));
  compare(JSON.parse(text), JSON.parse(recorded), "body");
}

/** The code of a refusal; empty for any other text. */
function codeIn(text: string): string {
  try {
    return (JSON.parse(text) as { readonly error?: { readonly code?: string } }).error?.code ?? "";
  } catch {
    return "";
  }
}

/** Keys added since are allowed. The first difference is told with where it is. */
function compare(found: unknown, recorded: unknown, at: string): void {
  if (isObject(found) && isObject(recorded)) {
    for (const key of Object.keys(recorded)) compare(found[key], recorded[key], `${at}.${key}`);
    return;
  }
  if (Array.isArray(found) && Array.isArray(recorded) && found.length === recorded.length) {
    for (const [index, one] of recorded.entries()) compare(found[index], one, `${at}[${index}]`);
    return;
  }
  expectEqual(`${at}: ${JSON.stringify(found)}`, `${at}: ${JSON.stringify(recorded)}`);
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function checkSigningInput(vector: VectorCase, file: VectorFile): void {
  const body = hexField(vector, "body_hex");
  const signed = {
    method: textField(vector, "method"),
    target: textField(vector, "target"),
    timestampMs: BigInt(numberField(vector, "timestamp_ms")),
    nonce: textField(vector, "nonce"),
    body,
  };
  const key = PublicKey.fromBytes(Uint8Array.fromBase64(textField(vector, "member_pubkey")));
  const keys = objectField(file as unknown as VectorCase, "keys");
  const signedBy = (name: string, input: string) => {
    const seed = Uint8Array.fromHex(textField(objectField(keys, name), "seed"));
    return sign(seed, signedBytes(input)).toBase64();
  };
  const device = deviceSigningInput(signed);
  const member = memberSigningInput({ nodeId: numberField(vector, "member_node"), key }, signed);
  expectEqual(sha256(body).toBase64(), textField(vector, "body_sha256_b64"));
  expectEqual(device, textField(vector, "device_input"));
  expectEqual(member, textField(vector, "member_input"));
  expectEqual(signedBy("D", device), textField(vector, "device_signature_by_D"));
  expectEqual(signedBy("A", member), textField(vector, "member_signature_by_A"));
}

/** What goes to the provider for the news that a recorded push was about. */
async function checkPush(vector: VectorCase, file: VectorFile): Promise<void> {
  const recorded = objectField(vector, "request");
  const { group_id, reason, type } = JSON.parse(textField(recorded, "body")) as Record<string, string | undefined>;
  const groupId = group_id === undefined ? undefined : GroupId.fromBytes(Uint8Array.fromBase64(group_id));
  const fixture = objectField(objectField(file as unknown as VectorCase, "fixtures"), "apns");
  const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const keys = {
    teamId: textField(fixture, "team"),
    keyId: textField(fixture, "key_id"),
    topic: textField(fixture, "topic"),
    key: privateKey.export({ type: "pkcs8", format: "pem" }) as string,
  };
  let sent: Http2Ask | undefined;
  const post = async (ask: Http2Ask) => {
    sent = ask;
    return { status: 200, header: () => undefined, body: "" };
  };
  const nowMs = numberField(objectField(file as unknown as VectorCase, "fixtures"), "clock_ms");
  const clock = new VectorClock(unixMs(nowMs));
  await new Apns({ keys, clock, post }).send("abcd1234", { type: type!, reason: reason ?? "", groupId });
  const { authorization, ...headers } = sent!.headers;
  const expected = objectField(recorded, "headers");
  for (const [name, value] of Object.entries(headers)) expectEqual(`${name}: ${value}`, `${name}: ${expected[name]}`);
  const jwt = objectField(expected, "authorization");
  const [head, claims, signature] = authorization!.replace(/^bearer /, "").split(".");
  expectEqual(Buffer.from(head!, "base64url").toString(), textField(jwt, "jwt_header"));
  expectEqual(Buffer.from(claims!, "base64url").toString(), textField(jwt, "jwt_claims"));
  expectEqual(String(Buffer.from(signature!, "base64url").length), String(numberField(jwt, "signature_bytes")));
  expectEqual(sent!.path, new URL(textField(recorded, "url")).pathname);
  expectEqual(sent!.body, textField(recorded, "body"));
}

function checkCursor(vector: VectorCase): void {
  const fields = JSON.parse(textField(vector, "json")) as Record<string, string>;
  const of = { group: GroupId.fromBytes(Uint8Array.fromBase64(fields.group_id!)), topic: fields.topic ?? "" };
  const place = parseHistoryCursor(textField(vector, "cursor"), of);
  expectEqual(MessageId.toBase64(place.message_id), fields.message_id);
  expectEqual(formatHistoryCursor(place, of), textField(vector, "cursor"));
}

function hashOf(token: string): string {
  return tokenHash(token);
}
