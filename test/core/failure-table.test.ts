import { expect, test } from "bun:test";
import { EXIT_MEANING, STATUS } from "../../src/core/failure-table.ts";
import { controlExit } from "../../src/wire/control/control-codes.ts";

test("every exit status a failure can have is explained, and none is 0 or 4", () => {
  for (const { exit } of Object.values(STATUS)) {
    expect(exit).not.toBe(0 as never);
    expect(EXIT_MEANING).toHaveProperty(String(exit));
  }
  expect(EXIT_MEANING).not.toHaveProperty("4");
});

test("over the control socket a failure ends a command as it would locally, but for what the code cannot say", () => {
  const differing = Object.entries(STATUS).filter(([, status]) => controlExit(status.control) !== status.exit);
  expect(differing.map(([code]) => code)).toEqual([
    "too_few",
    "rate_limited",
    "already_running",
    "control_unavailable",
  ]);
});

test.each([
  ["OK", 0],
  ["INTERNAL", 1],
  ["NOT_MEMBER", 2],
  ["GROUP_NOT_FOUND", 3],
  ["INVALID_ARGUMENT", 5],
  ["CONFLICT", 5],
  ["UNAVAILABLE", 1],
  ["not_member", 1],
  [" OK", 1],
  ["", 1],
])("control code %j exits %d", (code, exit) => expect(controlExit(code)).toBe(exit as never));

test("every HTTP status is a failure a client can tell apart from success", () => {
  for (const { http } of Object.values(STATUS)) expect(http >= 400 && http < 600).toBe(true);
});
