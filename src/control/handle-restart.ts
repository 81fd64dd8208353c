import { EntmootError } from "../core/errors.ts";
import type { Handler } from "./handler.ts";

/**
 * A clean end, after which the daemon's executable takes the process over. As with `stop`, the answer goes out first
 * and the connection stays open until it has. Throws `unsupported` for a daemon that was not started as a program,
 * and `conflict` when it was started from another executable than the client means.
 */
export const handleRestart: Handler<"restart_req"> = async (request, { restart, send }) => {
  if (restart === undefined) throw new EntmootError("unsupported", "this daemon cannot start itself again");
  const { path, argv, cwd, env } = restart.program;
  if (path !== request.path) {
    throw new EntmootError("conflict", `restart: expected a daemon of ${request.path}, found one of ${path}`);
  }
  await send({ kind: "restart_resp", pid: process.pid, path, argv, cwd, env });
  if (request.ask_only) return;
  restart.request();
  await new Promise(() => {});
};
