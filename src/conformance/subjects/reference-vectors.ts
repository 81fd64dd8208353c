import { sha256 } from "../../core/bytes/sha256.ts";
import { encodeUtf8 } from "../../core/bytes/utf8.ts";
import { formatIdentity, identityOf, parseIdentity } from "../../core/identity.ts";
import { MessageId } from "../../core/ids.ts";
import { canonicalJson } from "../../core/json/canonical-json.ts";
import { type Codec, decodeJson, encodeCanonical } from "../../core/json/json-codec.ts";
import { merkleRoot } from "../../core/order/merkle-tree.ts";
import { fingerprintOf } from "../../core/record/fingerprint.ts";
import { gossip, gossipSigningForm, hello, helloSigningForm } from "../../core/record/gossip.ts";
import { decodeMemberProfileAd, memberProfileAdSigningForm } from "../../core/record/member-profile-ad.ts";
import { decodeMessage, messageIdOf, messageSigningForm, signMessage } from "../../core/record/message.ts";
import { namesKey } from "../../core/record/node-key.ts";
import { invite } from "../../core/record/record-codecs.ts";
import { decodeTransportAd, transportAdSigningForm } from "../../core/record/transport-ad.ts";
import {
  decodeRosterEntry,
  rosterEntryCanonical,
  rosterEntrySigningForm,
  signRosterEntry,
} from "../../core/roster/roster-entry.ts";
import { publicKeyOf, sign, verifySignature } from "../../core/signature.ts";
import { numberField, textField } from "../fields.ts";
import { type Check, expectEqual, type Subject, type VectorCase, type VectorFile } from "../subject.ts";

const [FOUNDER, ALICE, ALICE_PILOT, DESCRIPTOR] = [1, 2, 3, 4].map((byte) => new Uint8Array(32).fill(byte)) as [
  Uint8Array,
  Uint8Array,
  Uint8Array,
  Uint8Array,
];

/** What the user's Pilot daemon puts before anything it signs for a program. */
const PILOT_CHALLENGE_PREFIX = encodeUtf8("pilot.ipc.sign_challenge.v1\0");

export const subject: Subject = {
  defaultKind: "keys",
  kinds: {
    keys: checkKeys,
    message: checkMessage,
    roster_entry: checkRosterEntry,
    merkle: checkMerkle,
    ids: checkIds,
    fingerprint: checkFingerprint,
    identity: checkIdentity,
    invite: signed((text) => withoutSignature(invite, text), FOUNDER),
    gossip: signed((text) => gossipSigningForm(decodeJson(gossip, text)), ALICE),
    hello: signed((text) => helloSigningForm(decodeJson(hello, text)), ALICE),
    transport_ad: signed((text) => transportAdSigningForm(decodeTransportAd(text)), ALICE),
    member_profile_ad: signed((text) => memberProfileAdSigningForm(decodeMemberProfileAd(text)), ALICE),
    descriptor: signed((text) => encodeUtf8(canonicalJson(text)), DESCRIPTOR),
    operation: (vector) => expectForm(vector, encodeUtf8(canonicalJson(textField(vector, "signing")))),
    proof: checkProof,
    group_create_id: checkGroupCreateId,
    device_auth: checkDeviceAuth,
  },
};

function checkKeys(vector: VectorCase): void {
  expectEqual(publicKeyOf(FOUNDER).toBase64(), textField(vector, "founder"));
  expectEqual(publicKeyOf(ALICE).toBase64(), textField(vector, "alice"));
  expectEqual(publicKeyOf(ALICE_PILOT).toBase64(), textField(vector, "alice_pilot"));
  expectEqual(publicKeyOf(DESCRIPTOR).toBase64(), textField(vector, "descriptor"));
  const groupId = Uint8Array.from({ length: 32 }, (_, i) => i + 1);
  expectEqual(groupId.toBase64(), textField(vector, "group_id"));
}

function checkMessage(vector: VectorCase): void {
  const message = decodeMessage(textField(vector, "signing"));
  const signing = messageSigningForm(message);
  expectForm(vector, signing);
  expectEqual(MessageId.toBase64(messageIdOf(signing)), textField(vector, "id"));
  if (vector.content !== undefined) expectEqual(message.content, encodeUtf8(textField(vector, "content")));
  if (vector.signature === undefined) return;
  const seed = [FOUNDER, ALICE].find((key) => namesKey(message.author, publicKeyOf(key)));
  if (seed === undefined) throw new Error("author: expected founder or alice");
  const again = signMessage({ ...message, seed });
  expectEqual(again.signature.toBase64(), textField(vector, "signature"));
}

function checkRosterEntry(vector: VectorCase): void {
  const entry = decodeRosterEntry(textField(vector, "signing"));
  expectForm(vector, rosterEntrySigningForm(entry));
  const again = signRosterEntry({ ...entry, seed: FOUNDER });
  expectEqual(Uint8Array.fromHex(again.id).toBase64(), textField(vector, "id"));
  expectEqual(again.signature.toBase64(), textField(vector, "signature"));
  expectEqual(rosterEntryCanonical(again), encodeUtf8(textField(vector, "canonical")));
  expectEqual(decodeRosterEntry(textField(vector, "canonical")).id, again.id);
}

/** Either `n` ids by rule, or the two messages of the worked group. */
function checkMerkle(vector: VectorCase, file: VectorFile): void {
  if (vector.n === undefined) {
    const ids = ["V5", "V8"].map((name) => {
      const message = file.cases.find((entry) => entry.name === name);
      if (message === undefined) throw new Error(`${name}: expected in the same file`);
      return MessageId.fromBytes(Uint8Array.fromBase64(textField(message, "id")));
    });
    expectEqual(Uint8Array.fromHex(merkleRoot(ids)).toBase64(), textField(vector, "root"));
  } else {
    expectEqual(merkleRoot(idsByRule("id-", numberField(vector, "n"))), textField(vector, "root_hex"));
  }
}

function checkIds(vector: VectorCase): void {
  const ids = idsByRule("id-", 5);
  expectEqual(ids[0], textField(vector, "id_0"));
  expectEqual(ids[4], textField(vector, "id_4"));
}

function checkFingerprint(vector: VectorCase): void {
  expectEqual(fingerprintOf([]), textField(vector, "empty"));
  expectEqual(fingerprintOf(idsByRule("golden-", 10)), textField(vector, "ten"));
}

function checkIdentity(vector: VectorCase): void {
  const text = textField(vector, "text");
  expectEqual(formatIdentity(identityOf(FOUNDER)), text);
  expectEqual(parseIdentity(encodeUtf8(text)).seed, FOUNDER);
}

function checkProof(vector: VectorCase): void {
  const signing = encodeUtf8(canonicalJson(textField(vector, "signing")));
  expectForm(vector, signing);
  const challenge = Buffer.concat([PILOT_CHALLENGE_PREFIX, signing]);
  const signature = sign(ALICE_PILOT, challenge);
  expectEqual(signature.toBase64(), textField(vector, "signature"));
  expectEqual(verifySignature(publicKeyOf(ALICE_PILOT), challenge, signature), true);
  const tokenHash = sha256(encodeUtf8("open-token")).toBase64({ alphabet: "base64url", omitPadding: true });
  expectEqual(tokenHash, textField(vector, "token_hash"));
}

function checkGroupCreateId(vector: VectorCase): void {
  const id = sha256(encodeUtf8("entmoot.esp.group_create.v1\0req-1\0digest"));
  expectEqual(id.toBase64(), textField(vector, "group_id"));
}

function checkDeviceAuth(vector: VectorCase): void {
  const lines = [
    "ENTMOOT-ESP-AUTH-V1",
    "POST",
    "/v1/groups",
    "1700000000000",
    "n-1",
    sha256(encodeUtf8("{}")).toBase64(),
  ];
  expectEqual(lines.join("\n"), textField(vector, "signing"));
}

/** The case's signing form reads and writes to the same bytes, and `seed` signs them as recorded. */
function signed(signingForm: (text: string) => Uint8Array, seed: Uint8Array): Check {
  return (vector) => {
    const signing = signingForm(textField(vector, "signing"));
    expectForm(vector, signing);
    const signature = sign(seed, signing);
    expectEqual(signature.toBase64(), textField(vector, "signature"));
    expectEqual(verifySignature(publicKeyOf(seed), signing, signature), true);
  };
}

function withoutSignature<T extends { readonly signature: Uint8Array }>(codec: Codec<T>, text: string): Uint8Array {
  return encodeCanonical(codec, { ...decodeJson(codec, text), signature: new Uint8Array(0) });
}

/** The recorded bytes, and whichever of length and hash are recorded with them. */
function expectForm(vector: VectorCase, signing: Uint8Array): void {
  expectEqual(signing, encodeUtf8(textField(vector, "signing")));
  if (vector.signing_len !== undefined) expectEqual(signing.length, numberField(vector, "signing_len"));
  if (vector.sha256 !== undefined) expectEqual(sha256(signing), textField(vector, "sha256"));
  if (vector.sha256_b64 !== undefined) expectEqual(sha256(signing).toBase64(), textField(vector, "sha256_b64"));
}

function idsByRule(prefix: string, count: number): MessageId[] {
  return Array.from({ length: count }, (_, i) => MessageId.fromBytes(sha256(encodeUtf8(`${prefix}${i}`))));
}
