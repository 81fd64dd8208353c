import { expect, test } from "bun:test";
import fc from "fast-check";
import {
  MENTIONS_MAX,
  type Mentionable,
  mentionsOf,
  nameForm,
  namesReader,
} from "../../../src/core/agents/mentions.ts";
import { MessageId } from "../../../src/core/ids.ts";

const encode = (text: string) => new TextEncoder().encode(text);
const inText = (text: string) => mentionsOf({ content: encode(text), references: [] });
const idsIn = (text: string) => [...inText(text).nodeIds];
const namesIn = (text: string) => [...inText(text).names];
const id = (byte: number) => MessageId.fromBytes(new Uint8Array(32).fill(byte));

test.each([
  ["@7", [7]],
  ["@agent-7, please", [7]],
  ["ask node:7.", [7]],
  ["NODE:7 and @Agent-8", [7, 8]],
  ["(@7)", [7]],
  ["ü@7ü", [7]],
  ["@@7", [7]],
  ["@4294967295", [4294967295]],
  ["@0", [0]],
  ["@71", [71]],
  ["x@7", []],
  ["@7x", []],
  ["@7_", []],
  ["@agent-7-", []],
  ["-@7", []],
  ["@07", []],
  ["@4294967296", []],
  ["@99999999999999999999", []],
  ["my-node:7", []],
  ["node: 7", []],
  ["agent-7", []],
])("%j names the node ids %j, by the tokens and boundaries of the original", (text, expected) => {
  expect(idsIn(text)).toEqual(expected);
});

test.each([
  ["@oak", ["oak"]],
  ["hello @Oak, and @elm: look", ["oak", "elm"]],
  ["@oak.local.", ["oak.local"]],
  ["@oak's turn", ["oak"]],
  ["@oak-2", ["oak-2"]],
  ["@Ünal und @柊", ["ünal", "柊"]],
  ["@e\u0301l", ["él"]],
  ['@"Big Oak"!', ["big oak"]],
  ['@" oak "', ["oak"]],
  ['@"7"', []],
  ["@7 @agent-7 @007", []],
  ["bob@oak", []],
  ["ü@oak", []],
  ["𝒳@oak", []],
  ["node_modules/@oak", []],
  ["@oak/core", []],
  ["@oak/ @elm /", ["oak", "elm"]],
  ["@.oak", []],
  ["@", []],
  ['@"', []],
  [`@${"x".repeat(255)}`, ["x".repeat(255)]],
  [`@${"x".repeat(256)}`, []],
])("%j names the hostnames %j", (text, expected) => {
  expect(namesIn(text)).toEqual(expected);
});

test.each([
  ["`@oak` @elm", ["elm"]],
  ["``a ` @oak`` @elm", ["elm"]],
  ["` @oak", ["oak"]],
  ["`` @oak `", ["oak"]],
  ["`a` @oak `b`", ["oak"]],
  ["```\n@oak\n```\n@elm", ["elm"]],
  ["~~~ts\n@oak\n```\n@oak\n~~~\n@elm", ["elm"]],
  ["````\n```\n@oak\n````  \n@elm", ["elm"]],
  ["``` @oak ``` @elm", ["elm"]],
  ["@elm\n```\n@oak", ["elm"]],
  ["> @oak\n@elm", ["elm"]],
  ["   >@oak\r\n@elm\r\n", ["elm"]],
  ["> ```\n@elm", ["elm"]],
  ["    @oak", ["oak"]],
  ["a > @oak", ["oak"]],
])("of %j, code and quoted lines name nobody", (text, expected) => {
  expect(namesIn(text)).toEqual(expected);
  expect(idsIn(text.replaceAll("oak", "7").replaceAll("elm", "8"))).toEqual(
    expected.map((name) => (name === "oak" ? 7 : 8)),
  );
});

test("a message without either sign is not decoded, and bytes that are no text name what is text in them", () => {
  expect(mentionsOf({ content: new Uint8Array([0xff, 0xfe]), references: [] }).names.size).toBe(0);
  expect(idsIn("node 7")).toEqual([]);
  const broken = Buffer.concat([new Uint8Array([0xff, 0xc3]), encode(" @oak "), new Uint8Array([0x80])]);
  expect([...mentionsOf({ content: broken, references: [] }).names]).toEqual(["oak"]);
});

test("whoever floods names names the first sixty-four of each kind", () => {
  const many = Array.from({ length: 1000 }, (_, number) => `@n${number} @${number}`).join(" ");
  const { names, nodeIds, references } = mentionsOf({
    content: encode(many),
    references: Array.from({ length: 200 }, (_, byte) => id(byte)),
  });
  expect([names.size, nodeIds.size, references.size]).toEqual([MENTIONS_MAX, MENTIONS_MAX, MENTIONS_MAX]);
  expect([...nodeIds].at(-1)).toBe(63);
});

/** What makes an expression or a scan begin again and again. */
const MEGABYTE = 1_000_000;
const runs = (mark: string) => {
  let text = "";
  for (let length = 1400; text.length < MEGABYTE && length > 3; length--) text += `${mark.repeat(length)}\n`;
  return text;
};
test.each([
  ["@".repeat(MEGABYTE)],
  [`@${"9".repeat(MEGABYTE)}`],
  [`@${"x".repeat(MEGABYTE)}`],
  [`@"${"x".repeat(MEGABYTE)}`],
  ['@"'.repeat(MEGABYTE / 2)],
  [`@${".".repeat(MEGABYTE)}`],
  [`@a${".-".repeat(MEGABYTE / 2)}`],
  ["node:".repeat(MEGABYTE / 5)],
  ["`".repeat(MEGABYTE)],
  [runs("`")],
  [runs("`").replaceAll("\n", " ")],
  [runs("~")],
  [`${" ".repeat(MEGABYTE)}@`],
  ["> \n".repeat(MEGABYTE / 3)],
  ["@oak @".repeat(MEGABYTE / 6)],
])("a megabyte made to cost much is looked at once (%#)", (text) => {
  const { names, nodeIds } = inText(text);
  expect(names.size + nodeIds.size).toBeLessThanOrEqual(2 * MENTIONS_MAX);
});

test("what is past a mebibyte names nobody", () => {
  expect(namesIn(`${" \n".repeat(512 * 1024)}@oak`)).toEqual([]);
});

test("whatever stands around it, a name between blanks on a line of its own is found", () => {
  const noise = fc.string({ unit: "grapheme", maxLength: 40 }).filter((text) => !/[`~>@\n]/.test(text));
  fc.assert(
    fc.property(noise, noise, (before, after) => {
      expect(namesIn(`${before}\n @oak \n${after}`)).toEqual(["oak"]);
    }),
  );
});

const reader = (nodeId: number, name: string, wrote: readonly MessageId[] = []): Mentionable => {
  return { nodeId, name: () => name, wrote: (asked) => wrote.includes(asked) };
};

test("a reader is named by its id, by a name that is its alone, or by an answer to what it wrote", () => {
  expect(namesReader(inText("@7"), reader(7, ""))).toBe(true);
  expect(namesReader(inText("@7"), reader(8, "7"))).toBe(false);
  expect(namesReader(inText("@OAK"), reader(8, nameForm("Oak")))).toBe(true);
  expect(namesReader(inText("@oak"), reader(8, ""))).toBe(false);
  expect(namesReader(inText('@""'), reader(8, ""))).toBe(false);
  const answer = mentionsOf({ content: encode("yes"), references: [id(1), id(2)] });
  expect(namesReader(answer, reader(8, "", [id(2)]))).toBe(true);
  expect(namesReader(answer, reader(8, "", [id(3)]))).toBe(false);
});

test("a hostname that would be a node id is no name, so nobody takes another's mentions by calling himself so", () => {
  expect(["7", "agent-7", " AGENT-7 "].map(nameForm)).toEqual(["", "", ""]);
  expect([" Oak ", "E\u0301L"].map(nameForm)).toEqual(["oak", "él"]);
});
