import { expect, test } from "bun:test";
import { argsOf } from "../../../src/cli/line/argv.ts";
import { everyCommand } from "../../support/every-command.ts";

/** They print no report: a page, a script or a protocol, or nothing until they end. */
const NO_REPORT = [
  "agent-commands",
  "complete",
  "completion",
  "esp serve",
  "fleet",
  "man",
  "mcp",
  "monitor",
  "serve",
  "tasks",
];

test("every command that reports something takes -json", async () => {
  const without: string[] = [];
  for (const [path, command] of await everyCommand()) {
    if (!Object.hasOwn(await argsOf(command), "json")) without.push(path.join(" "));
  }
  expect(without.toSorted()).toEqual(NO_REPORT);
});
