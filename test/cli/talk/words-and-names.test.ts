import { expect, test } from "bun:test";
import { mootNames, mootsCalled } from "../../../src/cli/talk/moot-names.ts";
import { RefusedLines } from "../../../src/cli/talk/refused.ts";
import { type TypedLine, typedLine } from "../../../src/cli/talk/typed-line.ts";
import { EntmootError } from "../../../src/core/errors.ts";
import { GroupId } from "../../../src/core/ids.ts";

test.each<[line: string, meaning: TypedLine]>([
  ["hello /world", { kind: "say", text: "hello /world" }],
  ["  indented", { kind: "say", text: "  indented" }],
  [" \t ", { kind: "nothing" }],
  ["/moot", { kind: "moot", name: "" }],
  ["/moot  release council ", { kind: "moot", name: "release council" }],
  ["/who", { kind: "who" }],
  [" /quit ", { kind: "quit" }],
  ["//etc/hosts", { kind: "say", text: "/etc/hosts" }],
  ["// comment", { kind: "say", text: "/ comment" }],
])("%j is understood", (line, meaning) => expect(typedLine(line)).toEqual(meaning));

test.each([
  ["/mot x", "there is no /mot (did you mean /moot?)"],
  ["/usr/bin/env", "there is no /usr/bin/env"],
  ["  /Quit", "there is no /Quit (did you mean /quit?)"],
  ["/", "there is no /"],
  ["/quit now", "/quit takes no words after it"],
])("%j is no command and no talk either", (line, why) => expect(typedLine(line)).toEqual({ kind: "unclear", why }));

const moot = (at: number, name: string) => ({ group_id: GroupId.fromBytes(new Uint8Array(32).fill(at)), name });
const [council, other, nameless, same] = [moot(1, "council"), moot(2, "Coffee"), moot(3, ""), moot(4, "council")];

test("moots are called by name, with a piece of the id where that says too little", () => {
  expect([...mootNames([council, other, nameless]).values()]).toEqual(["council", "Coffee", "AwMDAw"]);
  expect([...mootNames([council, same]).values()]).toEqual(["council/AQEBAQ", "council/BAQEBA"]);
});

test.each([
  ["council", [council]],
  ["COUNCIL", [council]],
  ["cof", [other]],
  ["co", [council, other]],
  ["AwMDAw", [nameless]],
  [GroupId.toBase64(other.group_id), [other]],
  ["nobody", []],
])("%j means the moots it can mean", (text, found) => {
  expect(mootsCalled([council, other, nameless], text)).toEqual(found);
});

test("of two moots of one name, each can be said", () => {
  expect(mootsCalled([council, same], "council")).toEqual([council, same]);
  expect(mootsCalled([council, same], "council/BAQ")).toEqual([same]);
});

test("refused lines are sent again in their order, until one is refused again", async () => {
  const told: string[] = [];
  const refused = new RefusedLines((line) => told.push(line));
  const { group_id } = council;
  for (const text of ["one", "two", "three"]) refused.add({ text, group_id });
  const sent: string[] = [];
  const sendTwo = async (text: string) => {
    if (sent.length === 2) throw new EntmootError("rate_limited", "wait a minute");
    sent.push(text);
  };
  await refused.again(sendTwo);
  expect(sent).toEqual(["one", "two"]);
  expect(told).toEqual(["not published: wait a minute; 1 to send, /again tries once more"]);
  await refused.again(async (text) => void sent.push(text));
  expect(sent).toEqual(["one", "two", "three"]);
  await refused.again(sendTwo);
  expect(told[1]).toContain("nothing was refused");
});

test("a line that is refused for good by now holds up none behind it", async () => {
  const told: string[] = [];
  const refused = new RefusedLines((line) => told.push(line));
  const { group_id } = council;
  for (const text of ["one", "two", "three"]) refused.add({ text, group_id });
  const sent: string[] = [];
  await refused.again(async (text) => {
    if (text === "two") throw new EntmootError("frame_too_large", "too much");
    sent.push(text);
  });
  expect(sent).toEqual(["one", "three"]);
  expect(told).toEqual([expect.stringMatching(/^not published: "two": too much; .*arrow up/)]);
});
