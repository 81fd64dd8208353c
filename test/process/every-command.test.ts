import { expect, test } from "bun:test";
import { readdirSync } from "node:fs";
import { BINARY } from "../support/binary.ts";
import { allCommands } from "../support/commands.ts";
import { TemporaryDirectory } from "../support/temporary-directory.ts";

/** What a shell hands over for `caf\xe9`; only a shell can. */
const LATIN = "$(printf 'caf\\351')";

/** Commands that are off say so whatever follows them. */
const SAYS_NO = ["fleet", "tasks", "agent-commands"];

function run(home: string, script: string) {
  const { stdout, stderr, exitCode } = Bun.spawnSync(["sh", "-c", script], {
    env: { PATH: process.env.PATH ?? "", HOME: home, E: BINARY },
    cwd: home,
    stdin: "ignore",
  });
  return { stdout: stdout.toString(), stderr: stderr.toString(), exitCode };
}

test("help of every command and part is on stdout alone and fits 80 columns, asked for in any way", () => {
  using home = new TemporaryDirectory();
  const commands = allCommands(home.path);
  expect(commands.length).toBeGreaterThanOrEqual(30);
  for (const words of [[], ...commands]) {
    const command = words.join(" ");
    for (const asked of [`${command} -h`, `help ${command}`, `-json-errors ${command} --help`]) {
      const { exitCode, stderr, stdout } = run(home.path, `"$E" ${asked}`);
      expect({ asked, exitCode, stderr }).toEqual({ asked, exitCode: 0, stderr: "" });
      const wide = stdout.split("\n").filter((line) => line.length > 80 && !line.includes(BINARY));
      expect({ asked, wide }).toEqual({ asked, wide: [] });
      expect(stdout).toContain("usage:");
    }
  }
  expect(readdirSync(home.path)).toEqual([]);
});

test("no command does less than was said, and with -json-errors each says so in JSON alone", () => {
  using home = new TemporaryDirectory();
  for (const words of allCommands(home.path)) {
    const command = words.join(" ");
    const isOff = SAYS_NO.includes(words[0]!);
    for (const [rest, said] of [
      ["-no-such-flag", isOff ? /./ : /flag provided but not defined|unknown op|missing/],
      ["-data", /flag needs an argument: -data/],
      ["-data=", /-data: expected a path|missing|: expected |is required|disabled/],
      ["-json-errors=perhaps", /invalid boolean value/],
      [`-data ${LATIN}`, /-data: expected text in UTF-8, found "caf\\xe9"/],
      [LATIN, /argument \d: expected text in UTF-8, found "caf\\xe9"/],
    ] as const) {
      const line = `"$E" -json-errors ${command} ${rest}`;
      const { exitCode, stderr, stdout } = run(home.path, line);
      expect({ line, exitCode, stdout }).toEqual({ line, exitCode: 5, stdout: "" });
      const { code, message } = JSON.parse(stderr).error;
      expect({ line, code, message }).toEqual({
        line,
        code: isOff && code === "disabled" ? code : "invalid_argument",
        message: expect.stringMatching(said),
      });
    }
  }
  // Words that nobody reads, and flags that ask for nothing or for two things.
  for (const [line, said] of [
    ["info now", "unexpected argument"],
    ["env now", "unexpected argument"],
    ["stop now", "unexpected argument"],
    ["tail chat", 'unexpected argument "chat"; did you mean -topic?'],
    ["publish chat hello", 'unexpected argument "chat"; did you mean -topic and -content?'],
    ["publish -topic chat hello", "in quotes; did you mean -content?"],
    ["group create council", 'unexpected argument "council"; did you mean -name?'],
    ["query -limit 5 chat", "put the whole value in quotes"],
    ["group create -name a b", "put the whole value in quotes"],
    ["invite link -group x y", "put the whole value in quotes"],
    ["invite create -group AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA= -peers ''", "-peers is empty"],
    ["group create -name a -tag ''", "-tag is empty"],
    ["update-lock -install-dir ''", "-install-dir: expected a folder"],
    ["update -install-dir ''", "-install-dir: expected a folder"],
    ["operations publish -markdown", "-markdown is the table of all"],
    ["operations -json -markdown", "-markdown is the table of all"],
    ["join ' '", "an input is empty"],
    ["query -limit 5 -limit 6", "expected one value"],
    ["roster add -pubkey x extra", "put the whole value in quotes"],
    ["call status '{}' '{}'", "unexpected argument"],
    ["serve now", "unexpected argument"],
    ["up now", "did you mean -moot?"],
    ["version now", "unexpected argument"],
    ["self-test now", "unexpected argument"],
    ["update now", "unexpected argument"],
    ["update-lock now", "unexpected argument"],
    ["peers now then", "unexpected argument"],
  ] as const) {
    const { exitCode, stderr, stdout } = run(home.path, `"$E" -json-errors ${line}`);
    expect({ line, exitCode, stdout }).toEqual({ line, exitCode: 5, stdout: "" });
    expect({ line, message: JSON.parse(stderr).error.message }).toEqual({
      line,
      message: expect.stringContaining(said),
    });
  }
  expect(readdirSync(home.path)).toEqual([]);
});
