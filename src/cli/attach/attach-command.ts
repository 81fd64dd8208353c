import { runBridge } from "../../agent/bridge.ts";
import { newNonce } from "../../agent/new-nonce.ts";
import { runInTerminal } from "../../agent/terminal/run-in-terminal.ts";
import { standardTerminal } from "../../agent/terminal/user-terminal.ts";
import { textOf } from "../../core/errors.ts";
import { openAgentsSocket } from "../../daemon/open-agents-socket.ts";
import { openDaemon } from "../../daemon/open-operations.ts";
import type { GlobalOptions } from "../../daemon/options.ts";
import { createLog } from "../../host/log.ts";
import { printProse } from "../../host/print.ts";
import { programName } from "../../host/program-name.ts";
import { realClock } from "../../host/real-clock.ts";
import { type AttachAsked, attachedAs } from "./attach-host.ts";

/** Runs a command in this terminal and types into it what wakes its agent, until it ends; its exit status is this one's. */
export async function attachCommand(
  options: GlobalOptions,
  {
    args,
    command,
    isAgent,
    ...asked
  }: AttachAsked & { readonly command: string; readonly args: readonly string[]; readonly isAgent: boolean },
): Promise<void> {
  const as = await (async () => {
    await using daemon = await openDaemon(options);
    return await attachedAs(options, daemon, asked);
  })();
  const env = { ...process.env, ENTMOOT_AGENT_SOCKET: as.agentSocket, ENTMOOT_DATA: undefined };
  const user = standardTerminal(realClock);
  const ending = new AbortController();
  for (const name of ["SIGTERM", "SIGHUP", "SIGINT", "SIGQUIT"] as const) process.on(name, () => ending.abort());
  const running = await runInTerminal({ command, args, env, clock: realClock, user, isAgent, signal: ending.signal });
  const program = programName();
  const bridge = runBridge(
    {
      open: () => openAgentsSocket(as.agentSocket),
      door: running.door,
      clock: realClock,
      log: createLog("error"),
      listen: {
        agent: `terminal ${running.pid}`,
        host: command.slice(-64),
        instance: undefined,
        group_id: asked.voice === undefined ? asked.groupId : undefined,
        can_wake: true,
      },
      ways: {
        reply: `run: ${program} reply ID -content "…"`,
        acknowledge: `run: ${program} inbox -ack ID`,
        read: `run: ${program} read ID`,
      },
      nonce: newNonce,
    },
    ending.signal,
  ).then(
    () => undefined,
    (error: unknown) => textOf(error),
  );
  const end = await running.ended;
  ending.abort();
  const failure = await bridge;
  // Said now: while the program's screen was up it would have stood across it.
  if (failure !== undefined) printProse(`attach: messages did not reach ${command} to the end: ${failure}`);
  process.exitCode = end.status ?? 1;
}
