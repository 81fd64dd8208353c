import { sha256 } from "../../core/bytes/sha256.ts";
import { MessageId } from "../../core/ids.ts";
import { decodeJson, encodeWire } from "../../core/json/json-codec.ts";
import { Fingerprint, fingerprintOf } from "../../core/record/fingerprint.ts";
import {
  gossip,
  gossipSigningForm,
  hello,
  helloSigningForm,
  signGossip,
  signHello,
  verifyGossip,
  verifyHello,
} from "../../core/record/gossip.ts";
import { publicKeyOf } from "../../core/signature.ts";
import { booleanField, hexField, hexListField, numberField, textField } from "../fields.ts";
import { expectEqual, type Subject, type VectorCase } from "../subject.ts";

export const subject: Subject = {
  kinds: { gossip: checkGossip, gossip_verify: checkGossipVerify, hello: checkHello, fingerprint: checkFingerprint },
};

function checkGossip(vector: VectorCase): void {
  const seed = hexField(vector, "seed");
  const wire = hexField(vector, "wire");
  const frame = decodeJson(gossip, wire);
  expectEqual(encodeWire(gossip, frame), wire);
  expectEqual(gossipSigningForm(frame), hexField(vector, "signing"));
  expectEqual(signGossip({ seed, frame }), hexField(vector, "signature"));
  expectEqual(verifyGossip({ key: publicKeyOf(seed), frame }), booleanField(vector, "valid"));
}

function checkGossipVerify(vector: VectorCase): void {
  const frame = decodeJson(gossip, hexField(vector, "wire"));
  expectEqual(verifyGossip({ key: hexField(vector, "public_key"), frame }), booleanField(vector, "valid"));
}

function checkHello(vector: VectorCase): void {
  const seed = hexField(vector, "seed");
  const wire = hexField(vector, "wire");
  const frame = decodeJson(hello, wire);
  expectEqual(encodeWire(hello, frame), wire);
  expectEqual(helloSigningForm(frame), hexField(vector, "signing"));
  expectEqual(signHello({ seed, frame }), hexField(vector, "signature"));
  expectEqual(verifyHello({ key: publicKeyOf(seed), frame }), true);
}

/** The prefix in `id i = SHA-256(utf8("fp-" + decimal i))`. */
const ID_RULE = /utf8\("([^"]*)" \+ decimal i\)/;

function checkFingerprint(vector: VectorCase): void {
  const expected = hexField(vector, "fingerprint");
  const count = numberField(vector, "n");
  const ids = vector.ids === undefined ? idsByRule(textField(vector, "id_rule"), count) : hexListField(vector, "ids");
  expectEqual(ids.length, count);
  const set = ids.map((id) => MessageId.fromBytes(id));
  expectEqual(fingerprintOf(set), expected);
  // The same set, arrived at by a detour.
  const detour = new Fingerprint();
  for (const id of [...set, MessageId.zero].toReversed()) detour.add(id);
  detour.remove(MessageId.zero);
  expectEqual(detour.toBytes(), expected);
}

function idsByRule(rule: string, count: number): Uint8Array[] {
  const prefix = ID_RULE.exec(rule)?.[1];
  if (prefix === undefined) throw new Error(`id_rule: ${rule}`);
  return Array.from({ length: count }, (_, i) => sha256(new TextEncoder().encode(`${prefix}${i}`)));
}
