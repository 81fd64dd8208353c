import { expect, test } from "bun:test";
import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { startOf } from "../../../src/agent/running/processes.ts";
import { runningClaude } from "../../../src/agent/running/running-claude.ts";
import { realClock } from "../../../src/host/real-clock.ts";
import { TemporaryDirectory } from "../../support/temporary-directory.ts";

const SESSION = "0d0e0f00-0000-4000-8000-00000000000";

/** What is found where these files say that sessions run. */
function found(files: Readonly<Record<string, unknown>>) {
  using folder = new TemporaryDirectory();
  const project = join(folder.path, "project");
  const sessions = join(folder.path, ".claude", "sessions");
  mkdirSync(project);
  mkdirSync(sessions, { recursive: true });
  // A person may be in it by another name.
  symlinkSync(project, join(folder.path, "link"));
  for (const [name, said] of Object.entries(files)) {
    const text = typeof said === "string" ? said : JSON.stringify({ cwd: project, ...(said as object) });
    writeFileSync(join(sessions, name), text);
  }
  const places = { home: folder.path, project: join(folder.path, "link"), env: {} };
  return runningClaude({ clock: realClock, places });
}

const here = { pid: process.pid, messagingSocketPath: "/nowhere.sock" };

test("the session of the folder that began last is the one that runs", () => {
  const sessions = {
    "1.json": { ...here, sessionId: `${SESSION}1`, startedAt: 1 },
    "2.json": { ...here, sessionId: `${SESSION}2`, startedAt: 3, procStart: startOf(process.pid) },
    "3.json": { ...here, sessionId: `${SESSION}3`, startedAt: 9, cwd: "/elsewhere" },
  };
  expect(found(sessions)).toMatchObject({ kind: "door", agent: `claude ${SESSION}2` });
  expect(found({ "1.json": { pid: process.pid, sessionId: `${SESSION}1` } })).toMatchObject({ kind: "deaf" });
});

test.skipIf(process.platform !== "linux")(
  "a session that was killed is none, though another process has its number since",
  () => {
    expect(startOf(process.pid)).toMatch(/^\d+$/);
    expect(found({ "1.json": { ...here, sessionId: `${SESSION}1`, procStart: "1" } })).toBeUndefined();
    // No process has the largest number there is.
    expect(found({ "1.json": { ...here, sessionId: `${SESSION}1`, pid: 2 ** 31 - 1 } })).toBeUndefined();
  },
);

test("what is no file of a session is passed over", () => {
  expect(found({})).toBeUndefined();
  const others = {
    "1.json": "{",
    "2.json": { ...here, sessionId: "../../x" },
    "3.json": { ...here, pid: 0, sessionId: `${SESSION}1` },
    "4.json": "x".repeat(70_000),
    "5.txt": { ...here, sessionId: `${SESSION}1` },
  };
  expect(found(others)).toBeUndefined();
});
