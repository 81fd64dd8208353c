import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";

const SRC = resolve(import.meta.dir, "../../src");

/** Who writes to a terminal, a pipe or a log by itself, and why what it writes has nothing of a stranger's that could act. */
const WRITERS: Readonly<Record<string, string>> = {
  "agent/terminal/terminal-device.ts": "a mark of its own behind what a program wrote, into that program's terminal",
  "host/print.ts": "all that is printed goes through it",
  "host/patient-output.ts": "under print.ts",
  "host/terminal-output.ts": "under print.ts and the screen of up, whose rows are made by layout.ts and eventLine",
  "cli/talk/screen.ts": "rows made by layout.ts and eventLine",
  "cli/line/progress-display.ts": "figures, and steps through shownLine",
  "cli/commands/monitor.ts":
    "envelopes alone, whose words and names core/agents/envelope.ts has cleaned, to the host that began it",
  "cli/commands/complete.ts": "what candidates.ts gives, where nothing is left in that shownLine would take out",
  "cli/commands/version.ts": "what this program says of itself, set when it was built",
};

const WRITES =
  /process\.(stdout|stderr)\.write|writeSync\((STDOUT|STDERR|[12]\b|fd\b|this\.#fd)|Bun\.(stdout|stderr)|console\.(log|error|warn|info)/;

test("nothing is written to a terminal but through the functions that make strangers' words harmless", () => {
  const found = [...new Bun.Glob("**/*.ts").scanSync({ cwd: SRC })]
    .filter((path) => WRITES.test(readFileSync(join(SRC, path), "utf8").replace(/^\s*(\*|\/\/|\/\*).*$/gm, "")))
    .toSorted();
  expect(found.filter((path) => !(path in WRITERS))).toEqual([]);
});

test("nothing is coloured: what is said reads the same on a terminal, in a file and with NO_COLOR", () => {
  const coloured = /\\(?:x1b|u001b|033|e)\[[\d;]*m|styleText|consola\/utils/;
  // What stands there puts a terminal back as it was before a program of somebody else.
  const files = [...new Bun.Glob("**/*.ts").scanSync({ cwd: SRC })].filter(
    (path) => !path.startsWith("agent/terminal/"),
  );
  expect(files.filter((path) => coloured.test(readFileSync(join(SRC, path), "utf8")))).toEqual([]);
  expect(["\\x1b[1m", "\\u001b[31;1m", "styleText('red')"].filter((text) => !coloured.test(text))).toEqual([]);
});
