import { expect, test } from "bun:test";
import fc from "fast-check";
import { decodeJson, encodeWire } from "../../../src/core/json/json-codec.ts";
import {
  type Gossip,
  gossip,
  gossipSigningForm,
  signGossip,
  signHello,
  verifyGossip,
  verifyHello,
} from "../../../src/core/record/gossip.ts";
import { anyGroupId, anyI64, anyMessage, anyMessageId, anyU32 } from "../../support/arbitraries.ts";
import { identity } from "../../support/identity.ts";
import { GROUP, message } from "../../support/message.ts";

const [alice, bob] = [identity(2), identity(3)];

test("an inlined body is carried but never signed", () => {
  fc.assert(
    fc.property(
      fc.record({ group_id: anyGroupId, ids: fc.array(anyMessageId, { maxLength: 3 }), timestamp: anyI64 }),
      fc.option(anyMessage, { nil: undefined }),
      (frame, body) => {
        const signature = signGossip({ seed: alice.seed, frame });
        const whole: Gossip = { ...frame, body, signature };
        const received = decodeJson(gossip, encodeWire(gossip, whole));
        expect(received).toEqual(whole);
        expect(verifyGossip({ key: alice.publicKey, frame: received })).toBe(true);
        expect(verifyGossip({ key: alice.publicKey, frame: { ...received, timestamp: frame.timestamp ^ 1n } })).toBe(
          false,
        );
      },
    ),
    { numRuns: 30 },
  );
});

test("the signing form holds a null signature, and null and empty ids are two frames", () => {
  const frame = { group_id: GROUP, ids: null, timestamp: 1n };
  const text = (ids: Gossip["ids"]) => new TextDecoder().decode(gossipSigningForm({ ...frame, ids }));
  expect(text(null)).toEndWith(',"ids":null,"signature":null,"timestamp":1}');
  expect(text([])).toEndWith(',"ids":[],"signature":null,"timestamp":1}');
});

test("a frame of another peer, or without signature, is not verified", () => {
  const frame = { group_id: GROUP, ids: [message().id], timestamp: 5n };
  const signature = signGossip({ seed: alice.seed, frame });
  expect(verifyGossip({ key: bob.publicKey, frame: { ...frame, signature } })).toBe(false);
  expect(verifyGossip({ key: null, frame: { ...frame, signature } })).toBe(false);
  expect(verifyGossip({ key: alice.publicKey, frame: { ...frame, signature: null } })).toBe(false);
});

test("a hello verifies under the key that signed it", () => {
  fc.assert(
    fc.property(anyU32, fc.option(fc.array(anyGroupId), { nil: null }), anyI64, (node_id, groups, timestamp) => {
      const frame = { node_id, pubkey: alice.publicKey, groups, timestamp };
      const signature = signHello({ seed: alice.seed, frame });
      expect(verifyHello({ key: frame.pubkey, frame: { ...frame, signature } })).toBe(true);
      expect(verifyHello({ key: bob.publicKey, frame: { ...frame, signature } })).toBe(false);
    }),
    { numRuns: 20 },
  );
});
