import type { Handler } from "./handler.ts";

/** The original's publish. */
export const handlePublish: Handler<"publish_req"> = async (request, { node, send }) => {
  const { group_id, message_id, timestamp_ms } = await node.publish({
    groupId: request.group_id,
    topics: request.topics,
    content: request.content ?? new Uint8Array(0),
  });
  await send({ kind: "publish_resp", message_id, group_id, timestamp_ms });
};

/** Publish that may be repeated safely, and names the author. */
export const handlePublishToken: Handler<"publish_token_req"> = async (request, { node, send }) => {
  const published = await node.publish({
    groupId: request.group_id,
    topics: request.topics,
    content: request.content,
    ...(request.token === undefined ? {} : { token: request.token }),
  });
  await send({ kind: "publish_token_resp", ...published });
};

/** A message signed elsewhere. */
export const handleSignedPublish: Handler<"signed_publish_req"> = async (request, { node, send }) => {
  const { group_id, message_id, author, timestamp_ms } = await node.publishSigned(request.message);
  const status = "accepted";
  await send({ kind: "signed_publish_resp", status, message_id, group_id, author: author.pilot_node_id, timestamp_ms });
};
