import { expect, test } from "bun:test";
import fc from "fast-check";
import { sha256 } from "../../../src/core/bytes/sha256.ts";
import { encodeUtf8 } from "../../../src/core/bytes/utf8.ts";
import { MessageId } from "../../../src/core/ids.ts";
import { decodeJson, encodeCanonical, encodeWire } from "../../../src/core/json/json-codec.ts";
import {
  decodeMessage,
  decodeMessageForms,
  decodeSpoken,
  messageCanonical,
  messageForms,
  messageId,
  messageIdOf,
  messageSigningForm,
  verifyMessage,
} from "../../../src/core/record/message.ts";
import { message as codec } from "../../../src/core/record/record-codecs.ts";
import type { Message } from "../../../src/core/record/records.ts";
import { anyMessage, roughText } from "../../support/arbitraries.ts";
import { identity } from "../../support/identity.ts";
import { GROUP, message } from "../../support/message.ts";

const UNSIGNED = { id: MessageId.zero, signature: new Uint8Array(0) };

test("the fast forms are the codec's, byte for byte", () => {
  fc.assert(
    fc.property(anyMessage, fc.array(roughText, { maxLength: 3 }), (plain, topics) => {
      for (const record of [plain, { ...plain, topics }]) {
        const signing = encodeCanonical(codec, { ...record, ...UNSIGNED });
        expect(messageSigningForm(record)).toEqual(signing);
        expect(messageCanonical(record)).toEqual(encodeCanonical(codec, record));
        expect(messageForms(record)).toEqual({ signing, canonical: messageCanonical(record) });
        expect(messageId(record)).toBe(MessageId.fromBytes(sha256(signing)));
        expect(messageIdOf(signing)).toBe(messageId(record));
      }
    }),
    { numRuns: 500 },
  );
});

test("the fast decoder reads what the strict reader reads", () => {
  fc.assert(
    fc.property(anyMessage, (record) => {
      for (const input of [encodeWire(codec, record), encodeCanonical(codec, record)]) {
        expect(decodeMessage(input)).toEqual(record);
        expect(decodeMessage(new TextDecoder().decode(input))).toEqual(record);
        expect(decodeJson(codec, input)).toEqual(record);
      }
    }),
    { numRuns: 500 },
  );
});

test("a message damaged in any byte is read, or refused, as the strict reader does", () => {
  const outcome = (read: () => Message) => {
    try {
      return read();
    } catch (error) {
      return String(error);
    }
  };
  fc.assert(
    fc.property(anyMessage, fc.boolean(), fc.nat(), fc.integer({ min: 0, max: 255 }), (record, wire, at, byte) => {
      const input = wire ? encodeWire(codec, record) : encodeCanonical(codec, record);
      input[at % input.length] = byte;
      expect(outcome(() => decodeMessage(input))).toEqual(outcome(() => decodeJson(codec, input)));
    }),
    { numRuns: 2_000 },
  );
});

test("a message of any size is read alike", () => {
  for (const length of [40_000, 60_000, 1_000_000]) {
    const large = message({ content: new Uint8Array(length).fill(7) });
    expect(decodeMessage(messageCanonical(large))).toEqual(large);
    expect(decodeMessage(encodeWire(codec, large))).toEqual(large);
  }
});

test("decoding with both forms gives what decoding and writing give, also for input damaged in a byte", () => {
  fc.assert(
    fc.property(anyMessage, fc.boolean(), fc.option(fc.tuple(fc.nat(), fc.nat(255))), (record, isWire, damage) => {
      const bytes = isWire ? encodeWire(codec, record) : encodeCanonical(codec, record);
      if (damage !== null) bytes[damage[0] % bytes.length] = damage[1];
      let expected: Message;
      try {
        expected = decodeMessage(bytes);
      } catch {
        expect(() => decodeMessageForms(bytes)).toThrow();
        return;
      }
      expect(decodeMessageForms(bytes)).toEqual({ message: expected, ...messageForms(expected) });
    }),
    { numRuns: 500 },
  );
});

test("texts the built-in parser reads otherwise take the strict way", () => {
  const both = (text: string) => {
    expect(decodeMessage(text)).toEqual(decodeJson(codec, text));
    return decodeMessage(text);
  };
  expect(both('{"timestamp":9007199254740993}').timestamp).toBe(2n ** 53n + 1n);
  expect(both('{"timestamp":-0}').timestamp).toBe(0n);
  expect(both('{"topics":["a"],"topics":[null,"b"]}').topics).toEqual(["a", "b"]);
  expect(both('{"author":{"pilot_node_id":5},"author":{"entmoot_pubkey":"AQI="}}').author.pilot_node_id).toBe(5);
  expect(both('{"content":[104,105]}').content).toEqual(encodeUtf8("hi"));
  expect(both('{"__proto__":{"timestamp":5}}').timestamp).toBe(0n);
  expect(both('{"topics":["a\\ud800b"]}').topics).toEqual(["a\ufffdb"]);
  expect(both('{"topics":["a\ud800b"]}').topics).toEqual(["a\ufffdb"]);
  for (const text of ['{"timestamp":1.0}', '{"timestamp":1e3}', '{"id":null}', "[]", ""]) {
    expect(() => decodeMessage(text)).toThrow(/^message: /);
  }
});

test("every field but id and signature changes the id", () => {
  const original = message({ parents: [message().id], references: [message().id] });
  const [first] = original.parents;
  const changes: Partial<Message>[] = [
    { group_id: `${GROUP.slice(0, 63)}f` as typeof GROUP },
    { author: { ...original.author, pilot_node_id: 7 } },
    { author: { ...original.author, entmoot_pubkey: null } },
    { author: { ...original.author, entmoot_pubkey: new Uint8Array(0) } },
    { timestamp: original.timestamp + 1n },
    { topics: [] },
    { topics: [...original.topics, ""] },
    { parents: [] },
    { parents: [first!, first!] },
    { content: new Uint8Array(0) },
    { references: [] },
  ];
  const ids = changes.map((change) => messageId({ ...original, ...change }));
  expect(new Set([...ids, original.id]).size).toBe(changes.length + 1);
  const unsigned: Message = { ...original, id: MessageId.zero, signature: new Uint8Array(3) };
  expect(messageId(unsigned)).toBe(original.id);
});

test("a message verifies under its author's key only, and only whole", () => {
  const [alice, bob] = [identity(2), identity(3)];
  const good = message({ by: alice });
  expect(verifyMessage(good, alice.publicKey)).toBe(true);
  expect(verifyMessage(good, bob.publicKey)).toBe(false);
  expect(verifyMessage(good, null)).toBe(false);
  expect(verifyMessage(good, alice.publicKey.subarray(1))).toBe(false);
  expect(verifyMessage({ ...good, id: MessageId.zero }, alice.publicKey)).toBe(false);
  expect(verifyMessage({ ...good, content: encodeUtf8("hullo") }, alice.publicKey)).toBe(false);
  expect(verifyMessage({ ...good, signature: good.signature.subarray(1) }, alice.publicKey)).toBe(false);
});

test("the key that counts is the one handed in, not the one the message names", () => {
  const [alice, bob] = [identity(2), identity(3)];
  const borrowed = message({ by: alice, author: { pilot_node_id: alice.nodeId, entmoot_pubkey: bob.publicKey } });
  expect(verifyMessage(borrowed, alice.publicKey)).toBe(true);
  expect(verifyMessage(borrowed, bob.publicKey)).toBe(false);
});

test("what a kept message says is read as the whole message is, whatever it is", () => {
  const said = ({ author, content, timestamp, topics }: Message) => {
    return { nodeId: author.pilot_node_id, content, timestamp, topics };
  };
  fc.assert(
    fc.property(anyMessage, fc.array(roughText, { maxLength: 3 }), (plain, topics) => {
      for (const record of [plain, { ...plain, topics }]) {
        const canonical = messageCanonical(record);
        expect(decodeSpoken(canonical)).toEqual(said(decodeMessage(canonical)));
      }
    }),
    { numRuns: 500 },
  );
  for (const timestamp of [2n ** 63n - 1n, -(2n ** 63n), 2n ** 53n + 1n, -1n]) {
    expect(decodeSpoken(messageCanonical(message({ timestamp }))).timestamp).toBe(timestamp);
  }
  const large = message({ content: new Uint8Array(100_000).fill(7) });
  expect(decodeSpoken(messageCanonical(large)).content).toEqual(large.content);
});

test("a kept message that is damaged where it is read is no message", () => {
  const canonical = new TextDecoder().decode(messageCanonical(message()));
  for (const [found, damage] of [
    ['"timestamp":1', '"timestamp":"1'],
    ['"content":"', '"content":"*'],
    ['"topics":[', '"topics":[['],
    ['{"author":{', '{"author":['],
    ["}", ""],
  ] as const) {
    expect(() => decodeSpoken(encodeUtf8(canonical.replace(found, damage)))).toThrow();
  }
});
