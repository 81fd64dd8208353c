import type { Handler } from "./handler.ts";

/** A new group founded by this node. */
export const handleGroupCreate: Handler<"group_create_req"> = async ({ kind: _, ...request }, { node, send }) => {
  await send({ kind: "group_create_resp", ...(await node.createGroup(request)) });
};

/** A new link. */
export const handleLinkCreate: Handler<"link_create_req"> = async (request, { node, send }) => {
  const { group_id: groupId, uses, valid_for_ms: validForMs } = request;
  await send({ kind: "link_create_resp", ...(await node.createLink({ groupId, uses, validForMs })) });
};

/** The links of a group. */
export const handleLinkList: Handler<"link_list_req"> = async (request, { node, send }) => {
  await send({ kind: "link_list_resp", links: await node.listLinks(request.group_id) });
};

/** The end of a link. */
export const handleLinkRevoke: Handler<"link_revoke_req"> = async (request, { node, send }) => {
  const row = await node.revokeLink({ groupId: request.group_id, link: request.link });
  await send({ kind: "link_revoke_resp", ...row });
};
