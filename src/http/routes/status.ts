import { optional, struct } from "../../core/json/json-codec.ts";
import { bool, text } from "../../core/json/json-scalars.ts";
import { moot_summaries } from "../../node/operations/membership.ts";
import type { Device } from "../../store/device-registry.ts";
import { count } from "../../wire/frame/bounded.ts";
import { ok, route } from "../route.ts";
import { deviceView, FEATURES, features, memberView } from "../shapes.ts";
import { isHidden, metadataOf } from "./groups.ts";

const health = route({
  method: "GET",
  path: "/healthz",
  name: "health",
  summary: "Whether the service answers",
  access: "public",
  answers: { 200: struct("health", { status: text }, { required: ["status"] }) },
  handle: () => ok({ status: "ok" }),
});

const capabilities = route({
  method: "GET",
  path: "/v1/capabilities",
  name: "capabilities",
  summary: "Which parts of the interface are switched on",
  access: "public",
  answers: { 200: struct("capabilities", { features }, { required: ["features"] }) },
  handle: () => ok({ features: FEATURES }),
});

const session = route({
  method: "GET",
  path: "/v1/session",
  name: "session",
  summary: "Who asks, as the service sees it",
  access: "signed in or member",
  answers: {
    200: struct(
      "session",
      {
        auth_mode: text,
        authenticated: bool,
        device: optional(deviceView),
        features,
        member: optional(memberView),
      },
      { required: ["auth_mode", "authenticated", "features"] },
    ),
  },
  handle({ mode }, { principal }) {
    const member =
      principal?.kind === "member" ? { node_id: principal.nodeId, entmoot_pubkey: principal.key } : undefined;
    const device = principal?.kind === "device" ? viewOf(principal.device) : undefined;
    return ok({ auth_mode: mode, authenticated: true, device, features: FEATURES, member });
  },
});

/** A device as it is told. */
export function viewOf({ adminGroups, clientIds, groups, id, isDisabled, memberKey, nodeId }: Device) {
  return {
    id,
    groups,
    admin_groups: adminGroups,
    client_ids: clientIds,
    pilot_node_id: nodeId,
    disabled: isDisabled,
    entmoot_pubkey: memberKey,
  };
}

const status = route({
  method: "GET",
  path: "/v1/status",
  name: "status",
  summary: "What the service is and can do just now",
  answers: {
    200: struct(
      "service status",
      { auth_mode: text, features, groups: count, mailbox_enabled: bool, publisher: bool, status: text },
      { required: ["auth_mode", "features", "groups", "mailbox_enabled", "publisher", "status"] },
    ),
  },
  async handle(context, { signal }) {
    const { mode, node } = context;
    const { summaries } = await node.reads.call(moot_summaries, {}, { signal });
    const shown = summaries.filter((summary) => !isHidden(metadataOf(context, summary)));
    const publisher = await node.isWritable();
    return ok({
      auth_mode: mode,
      features: FEATURES,
      groups: shown.length,
      mailbox_enabled: true,
      publisher,
      status: "ok",
    });
  },
});

export const STATUS_ROUTES = [health, capabilities, session, status];
