import { expect, test } from "bun:test";
import { encodeUtf8 } from "../../src/core/bytes/utf8.ts";
import { GroupId, MessageId } from "../../src/core/ids.ts";
import { decodeJson, encodeWire } from "../../src/core/json/json-codec.ts";
import { syncMessage } from "../../src/http/shapes.ts";

const id = new Uint8Array(32).fill(7);

test("a message is written so that it reads as it was, whatever is in it", () => {
  for (const content of ["plain", '<b>&"quoted\\"</b>', "\u2028\u0000\n", "ü 🌳 \ud800", ""]) {
    for (const topic of [[], ["a"], ["<x>", 'b"c\\', "\u2029"]]) {
      for (const content_b64 of [undefined, encodeUtf8("bytes")]) {
        const message = {
          message_id: MessageId.fromBytes(id),
          group_id: GroupId.fromBytes(id),
          author: 4_294_967_295,
          topic,
          content,
          timestamp_ms: 2n ** 60n,
          content_b64,
        };
        const bytes = encodeWire(syncMessage, message);
        expect(decodeJson(syncMessage, bytes)).toEqual({ ...message, content: content.toWellFormed() });
        expect(new TextDecoder().decode(bytes)).not.toMatch(/[<>&\u2028\u2029]/);
      }
    }
  }
  const [first, second] = [1, 2].map((byte) => GroupId.fromBytes(new Uint8Array(32).fill(byte)));
  const of = (group_id: GroupId) =>
    ({ message_id: MessageId.fromBytes(id), group_id, author: 1, topic: [], content: "x", timestamp_ms: 1n }) as never;
  for (const group of [first!, second!, first!]) {
    expect(decodeJson(syncMessage, encodeWire(syncMessage, of(group))).group_id).toBe(group);
  }
});
