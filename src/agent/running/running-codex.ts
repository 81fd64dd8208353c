import * as v from "valibot";
import { EntmootError, textOf } from "../../core/errors.ts";
import { AppServer, Declined } from "../codex/app-server.ts";
import { codexHome, codexSocket } from "../codex/own-thread.ts";
import { isLookedAt, personThreads } from "../codex/threads.ts";
import { realFolder } from "./processes.ts";
import type { RunningHost, RunningParts } from "./running.ts";

/** The conversation in the project folder that a terminal of Codex shows. Its server is asked to read its tools again, which starts ours. */
export async function runningCodex({ clock, places, signal, version }: RunningParts): Promise<RunningHost | undefined> {
  const socket = codexSocket(codexHome({ HOME: places.home, ...places.env }));
  let server: AppServer;
  try {
    server = await AppServer.connect(socket, { clock, signal, version });
  } catch (error) {
    // Nobody listens there: it does not run, or by itself alone, as another look tells.
    if (error instanceof EntmootError && error.code === "unavailable") return undefined;
    return { kind: "deaf", shown: socket, why: textOf(error) };
  }
  using _server = server;
  const here = realFolder(places.project);
  for (const thread of await personThreads(server, signal)) {
    if (realFolder(thread.cwd) !== here || !(await isLookedAt(server, thread, clock, signal))) continue;
    const shown = `conversation ${thread.id}`;
    try {
      await server.ask("config/mcpServer/reload", {}, v.unknown(), signal);
    } catch (error) {
      if (!(error instanceof Declined)) throw error;
      return { kind: "deaf", shown, why: `it does not read its tools again: ${error.message}` };
    }
    return { kind: "bridged", shown };
  }
  return undefined;
}
