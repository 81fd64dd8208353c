import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { HOST_SETUPS } from "../../../src/agent/setup/host-setups.ts";

const PAGE = readFileSync(join(import.meta.dir, "../../../docs/agents.md"), "utf8");
const PLACES = { env: {}, home: "/nowhere/home", project: "/nowhere/home/project" };

test("what attach says is to be allowed lets an agent ask, and is what the page of agents has", () => {
  for (const setup of HOST_SETUPS) {
    const text = setup.allow(PLACES)?.text;
    if (text?.includes("entmoot_reply") !== true) continue;
    expect({ host: setup.host, text }).toEqual({ host: setup.host, text: expect.stringContaining("entmoot_ask") });
  }
  const claude = HOST_SETUPS.find(({ host }) => host === "claude")!.allow(PLACES)!.text;
  const written = PAGE.split("\n").find((line) => line.startsWith('{"permissions"'))!;
  expect(JSON.parse(written)).toEqual(JSON.parse(claude));
  expect(PAGE).toContain(HOST_SETUPS.find(({ host }) => host === "codex")!.allow(PLACES)!.text);
});
