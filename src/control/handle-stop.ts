import type { Handler } from "./handler.ts";

/**
 * A clean end. The answer goes out first; the connection then stays open until the process is gone, so
 * the end of the stream tells the client that all is done.
 */
export const handleStop: Handler<"stop_req"> = async (_request, { node, send }) => {
  await send({ kind: "stop_resp", pid: process.pid });
  await node.stop();
  await new Promise(() => {});
};
