import { expect, test } from "bun:test";
import { readsCommands } from "../../../src/agent/terminal/program-kinds.ts";

test.each([
  "sh",
  "/bin/bash",
  "-zsh",
  "bash -l",
  "bash --rcfile file",
  "bash -o vi",
  "fish -i",
  "sh -s",
  "python3",
  "python3 -i script.py",
  "python3 -",
  "node",
  "node --experimental-repl-await",
  "deno repl",
  "perl",
  "psql -U me db",
  "sqlite3 file",
  "ssh host",
  "tmux attach",
  "sudo claude",
  "docker run -it image",
  "gdb program",
])("runs what it reads, or hands it on: %s", (line) => {
  expect(readsCommands(line.split(" "))).toBe(true);
});

test.each([
  "claude",
  "codex resume",
  "/usr/bin/opencode",
  "sh agent.sh",
  "bash -c words",
  "bash -lc words",
  "bash -l agent.sh",
  "python3 agent.py",
  "python3 -u agent.py",
  "python3 -m agent",
  "python3 -c words",
  "node agent.js",
  "node --inspect agent.js",
  "node -e words",
  "bun run agent.ts",
  "ruby agent.rb",
  "cat",
])("reads text: %s", (line) => {
  expect(readsCommands(line.split(" "))).toBe(false);
});
