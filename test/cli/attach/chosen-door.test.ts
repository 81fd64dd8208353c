import { expect, test } from "bun:test";
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { HOST_SETUPS } from "../../../src/agent/setup/host-setups.ts";
import { chooseDoor } from "../../../src/cli/attach/chosen-door.ts";
import { expectCode } from "../../support/expect-code.ts";
import { TemporaryDirectory } from "../../support/temporary-directory.ts";

const [claude, codex] = HOST_SETUPS as [(typeof HOST_SETUPS)[number], (typeof HOST_SETUPS)[number]];

interface Chosen {
  readonly before?: string;
  readonly word?: string;
}

/** What is chosen where these settings are, by path below the home. */
function chosen(settings: Readonly<Record<string, string>>, { before, word }: Chosen = {}, setup = claude) {
  using folder = new TemporaryDirectory();
  for (const [path, text] of Object.entries(settings)) {
    const file = join(folder.path, path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, text);
  }
  const places = { home: folder.path, project: join(folder.path, "project"), env: {} };
  return chooseDoor(setup, places, { before, word });
}

const INBOX = { door: { name: "claude inbox" }, other: undefined };
const MONITOR = { door: { name: "claude monitor" }, other: "monitor" };
const setTo = (inbound: string) => JSON.stringify({ crossSessionInbound: inbound });

test("Claude Code hears by its inbox, and another door is tried where that one shows nothing", () => {
  expect(chosen({})).toMatchObject({ ...INBOX, isOpen: true, why: undefined });
  expect(chosen({ ".claude/settings.json": "{ no json" })).toMatchObject({ ...INBOX, isOpen: true });
  expect(chosen({ ".claude/settings.json": setTo("accept") })).toMatchObject({ ...INBOX, isOpen: true });
});

test("where its settings refuse what comes in it hears by the monitor, and the file is named", () => {
  const why = expect.stringContaining("settings.json says crossSessionInbound refuse");
  expect(chosen({ ".claude/settings.json": setTo("refuse") })).toMatchObject({ ...MONITOR, why });
  expect(chosen({ "project/.claude/settings.json": setTo("refuse") })).toMatchObject({ ...MONITOR, why });
  // What stands nearer to the folder counts.
  const both = { ".claude/settings.json": setTo("refuse"), "project/.claude/settings.local.json": setTo("accept") };
  expect(chosen(both)).toMatchObject(INBOX);
});

test("a user who wants to see each message first is not gone round, and hears of it", () => {
  const held = chosen({ ".claude/settings.json": setTo("hold") });
  expect(held).toMatchObject({ ...INBOX, isOpen: false, why: expect.stringContaining("-door monitor") });
  expect(chosen({ ".claude/settings.json": setTo("hold") }, { word: "monitor" })).toMatchObject(MONITOR);
});

test("what its user says counts, and else how it was attached before", () => {
  expect(chosen({}, { word: "monitor" })).toMatchObject(MONITOR);
  expect(chosen({}, { before: "monitor" })).toMatchObject(MONITOR);
  expect(chosen({}, { before: "monitor", word: "inbox" })).toMatchObject({ ...INBOX, isOpen: false });
  expectCode("invalid_argument", () => chosen({}, { word: "window" }));
  expectCode("invalid_argument", () => chosen({}, { word: "monitor" }, codex));
  expect(chosen({}, {}, codex)).toMatchObject({ door: { name: "codex thread" }, isOpen: false });
});
