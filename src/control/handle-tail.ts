import { EntmootError } from "../core/errors.ts";
import { verifyPattern } from "../core/policy/topic.ts";
import type { Handler } from "./handler.ts";

/** The original's tail: what arrives from now on. It reads the delivery log, so a slow client only waits longer. */
export const handleTail: Handler<"tail_subscribe"> = async (request, { node, send, gone }) => {
  const topic = request.topic === "" ? "#" : request.topic;
  verifyTopic(topic);
  const events = node.watch({ groupId: request.group_id, topic, from: "now", peers: false, signal: gone });
  for await (const event of events) {
    if (event.kind === "message") await send({ kind: "tail_event", message: event.message });
  }
};

/** Our watch: from any place of the log, with sequence numbers to go on from later. */
export const handleWatch: Handler<"watch_req"> = async (request, { node, send, gone }) => {
  verifyTopic(request.topic);
  const { group_id, topic, from, peers } = request;
  const after =
    request.after === undefined ? {} : { after: new Map(request.after.map((cursor) => [cursor.group_id, cursor.seq])) };
  for await (const event of node.watch({ groupId: group_id, topic, from, ...after, peers, signal: gone })) {
    if (event.kind === "message") await send({ ...event, kind: "watch_message" });
    else await send({ ...event, kind: "watch_peer" });
  }
};

function verifyTopic(topic: string): void {
  try {
    verifyPattern(topic);
  } catch (cause) {
    if (!(cause instanceof EntmootError)) throw cause;
    throw new EntmootError("invalid_argument", `invalid topic pattern: ${cause.message}`, { cause });
  }
}
