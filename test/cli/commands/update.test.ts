import { expect, test } from "bun:test";
import { reportLines, suggestion } from "../../../src/cli/commands/update.ts";

const found = { current_version: "v0.1.0", latest_version: "v0.2.0", install_dir: "/opt/bin" };
const NEWER = { ...found, update_available: true, updated: false, restart_required: false };
const DONE = { ...found, update_available: true, updated: true, restart_required: true };

test("what a check suggests to run installs what it found, where it looked", () => {
  expect(suggestion({})).toBe("entmootd update -restart");
  const suggest = suggestion({ repo: "me/fork", prerelease: true, data: "/a b", "install-dir": "/opt/bin" });
  expect(suggest).toBe("entmootd update -restart -data '/a b' -install-dir /opt/bin -repo me/fork -prerelease");
  expect(reportLines(NEWER, { suggest, back: false })).toEqual([
    "Entmoot update available: v0.1.0 -> v0.2.0",
    `Run: ${suggest}`,
  ]);
  expect(suggestion({ version: "v0.0.9" })).toBe("entmootd update -restart -version v0.0.9");
});

test("a daemon that was left as it was is said to need a restart, and what restarts it", () => {
  const suggest = suggestion({});
  expect(reportLines(DONE, { suggest, back: false })).toEqual([
    "Updated Entmoot: v0.1.0 -> v0.2.0",
    "Restart required: run entmootd update -restart, or restart entmootd with your usual service manager or command.",
  ]);
});

test("a rollback says that it went back, and suggests nothing that goes forward again", () => {
  const back = { ...DONE, current_version: "v0.2.0", latest_version: "v0.1.0" };
  expect(reportLines(back, { suggest: suggestion({}), back: true })).toEqual([
    "Went back: v0.2.0 -> v0.1.0",
    "Restart required: restart entmootd with your usual service manager or command.",
  ]);
});
