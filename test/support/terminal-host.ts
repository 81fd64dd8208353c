/*
 * What a command of ours does that runs another in a terminal: `bun terminal-host.ts COMMAND ARGS…`. Ends as that one did.
 */

import { runInTerminal } from "../../src/agent/terminal/run-in-terminal.ts";
import { standardTerminal } from "../../src/agent/terminal/user-terminal.ts";
import { realClock } from "../../src/host/real-clock.ts";

const [command = "", ...args] = process.argv.slice(2);
const ending = new AbortController();
for (const name of ["SIGTERM", "SIGHUP", "SIGINT", "SIGQUIT"] as const) process.on(name, () => ending.abort());
const running = await runInTerminal({
  command,
  args,
  env: process.env,
  clock: realClock,
  user: standardTerminal(realClock),
  signal: ending.signal,
});
process.exitCode = (await running.ended).status;
