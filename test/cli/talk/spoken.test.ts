import { expect, test } from "bun:test";
import fc from "fast-check";
import { LineSplitter } from "../../../src/cli/talk/line-splitter.ts";
import { readSpoken, spokenId } from "../../../src/cli/talk/spoken-request.ts";
import { encodeUtf8 } from "../../../src/core/bytes/utf8.ts";
import { GroupId } from "../../../src/core/ids.ts";

const groupId = GroupId.fromBytes(new Uint8Array(32).fill(1));
const other = GroupId.fromBytes(new Uint8Array(32).fill(2));
const read = (line: string) => readSpoken(encodeUtf8(line), { groupId, topic: "chat" });

test.each([
  ['{"publish":{"content":"hello"}}', { group_id: groupId, topics: ["chat"], content: encodeUtf8("hello") }],
  ['{"publish":{"content":" ","topic":"a/b"}}', { topics: ["a/b"], content: encodeUtf8(" ") }],
  ['{"publish":{"content":"x","topic":["a","b","a"]}}', { topics: ["a", "b"] }],
  ['{"publish":{"content":"é","topics":["a","b"]}}', { topics: ["a", "b"], content: encodeUtf8("é") }],
  ['{"publish":{"content_b64":"/wA="}}', { content: Uint8Array.of(255, 0) }],
  [`{"publish":{"content":"x","group_id":"${GroupId.toBase64(other)}"}}`, { group_id: other }],
  ['{"publish":{"content":"x","token":"0123456789abcdef"}}\r', { token: encodeUtf8("0123456789abcdef") }],
])("%s asks to publish", (line, asked) => expect(read(line).publish).toMatchObject(asked));

test("a moot is named by its id in any of its forms, or by its name", () => {
  const bytes = GroupId.toBytes(other);
  const named = (group: string) => read(JSON.stringify({ publish: { content: "x", group_id: group } }));
  for (const id of [bytes.toBase64({ omitPadding: true }), bytes.toBase64({ alphabet: "base64url" }), bytes.toHex()]) {
    expect(named(id)).toMatchObject({ moot: undefined, publish: { group_id: other } });
  }
  expect(named(" council\u0085")).toMatchObject({ moot: "council", publish: { group_id: undefined } });
});

test("a line's own mark comes back, also of one that asks for nothing known", () => {
  expect(read('{"id":"a7","publish":{"content":"x"}}').id).toBe("a7");
  expect(spokenId(encodeUtf8('{"id":7,"sing":{}}'))).toBe(7);
  expect(spokenId(encodeUtf8('{"id":{},"sing":{}}'))).toBeUndefined();
  expect(spokenId(encodeUtf8("null"))).toBeUndefined();
});

test.each(["7", "-0", "1.50", "1e3", "12345678901234567890", "9007199254740993"])(
  "the mark %s comes back as it was written",
  (source) => {
    const line = `{"publish":{"content":"x"},"id":${source}}`;
    expect(JSON.stringify({ id: read(line).id })).toBe(`{"id":${source}}`);
    expect(JSON.stringify({ id: spokenId(encodeUtf8(line)) })).toBe(`{"id":${source}}`);
  },
);

test("null is no mark", () => {
  const line = '{"id":null,"publish":{"content":"x"}}';
  expect([read(line).id, spokenId(encodeUtf8(line))]).toEqual([undefined, undefined]);
});

test.each([
  ["hello", /expected a line of JSON such as \{"publish":.*found hello/],
  ["[]", /such as \{"publish"/],
  ["{}", /publish/],
  ['{"publish":{"content":"x"},"extra":1}', /^extra: no such field; known are id, publish; a line is such as/],
  ['{"publish":{"content":"x","topc":"chat"}}', /^publish\.topc: no such field; known are topic, topics, content,/],
  ['{"id":1}', /^publish: is missing;/],
  ['{"publish":7}', /^publish: expected an object;/],
  ['{"publish":{"content":""}}', /expected publish: the text of the message, found an empty one/],
  ['{"publish":{"content_b64":""}}', /found an empty one/],
  ['{"publish":{"content":"\\ud800"}}', /content: text, found half of a surrogate pair/],
  ['{"publish":{"content":"x","topic":["a","\\udc00"]}}', /topic: text, found half/],
  ['{"publish":{"content":"x","token":"short"}}', /publish: token: expected 16 to 64 bytes, found 5/],
  ['{"publish":{"content":"x","content":"y"}}', /each field once, found content twice/],
  ['{"id":1,"publish":{"content":"x"},"\\u0069d":2}', /each field once, found id twice/],
  [`{"id":1${"0".repeat(300)},"publish":{"content":"x"}}`, /id/],
  ['{"publish":{"content":7}}', /publish\.content: expected a text/],
  ['{"publish":{"topic":"chat"}}', /one of content and content_b64, found neither/],
  ['{"publish":{"content":"x","content_b64":"eA=="}}', /found both/],
  ['{"publish":{"content":"x","topic":"a","topics":["b"]}}', /one of topic and topics, found both/],
  ['{"publish":{"content_b64":"not base64"}}', /content_b64: expected base64/],
  ['{"publish":{"content":"x","group_id":" "}}', /group_id: the id or the name of a moot, found nothing/],
])("%s is refused and told what was expected", (line, said) => {
  expect(() => read(line)).toThrow(said);
  expect(() => read(line)).toThrow(expect.objectContaining({ code: "invalid_argument" }));
});

test("bytes that are no text are refused", () => {
  expect(() => readSpoken(Uint8Array.of(0x7b, 0xff), { groupId, topic: "chat" })).toThrow(/expected a line of UTF-8/);
});

test("lines come out as they went in, however they are cut, and too long ones as such", () => {
  const line = fc.string({ minLength: 1, maxLength: 12 }).filter((text) => !/[\n\r\t ]/.test(text));
  fc.assert(
    fc.property(fc.array(line), fc.integer({ min: 1, max: 9 }), (lines, size) => {
      const bytes = encodeUtf8(lines.join("\n"));
      const splitter = new LineSplitter(8);
      const found = [];
      for (let at = 0; at < bytes.length; at += size) found.push(...splitter.read(bytes.subarray(at, at + size)));
      found.push(...splitter.end());
      const expected = lines.map((text, at) => {
        const whole = encodeUtf8(text);
        return { number: at + 1, bytes: whole.length > 8 ? undefined : whole };
      });
      expect(found).toEqual(expected);
    }),
  );
});

test("empty lines are counted and no requests", () => {
  const splitter = new LineSplitter(100);
  expect(splitter.read(encodeUtf8("\n\r\n  \nx\n"))).toEqual([{ number: 4, bytes: encodeUtf8("x") }]);
});
