import { GroupId } from "../core/ids.ts";
import type { DefaultMootJoined, DefaultMootStatus } from "../node/operations/default-moot.ts";

/** Why no relay of Pilot's hides an address. */
const NO_TURN = "Pilot is not in this version; over iroh peers learn each other\u0027s addresses";

/**
 * What `default-moot status` prints, keys in the original's order: `hide_ip_requested` is this command's own. JSON text, so that
 * what is signed stands in it as it is.
 */
export function defaultMootStatusJson(status: DefaultMootStatus, hideIp: boolean): string {
  const members: readonly (readonly [string, string | undefined])[] = [
    ["consent", JSON.stringify(status.consent)],
    ["descriptor_url", JSON.stringify(status.descriptor_url)],
    ["descriptor_verified", `${status.descriptor_verified}`],
    ["descriptor_error", status.descriptor_error && JSON.stringify(status.descriptor_error)],
    ["group_id", status.group_id && JSON.stringify(GroupId.toBase64(status.group_id))],
    ["joined", `${status.joined}`],
    ["policy", status.policy],
    ["policy_summary", status.policy_summary && JSON.stringify(status.policy_summary)],
    ["live_enabled", `${status.live_enabled}`],
    ["allowed_live_actions", status.allowed_live_actions && JSON.stringify(status.allowed_live_actions)],
    ["hide_ip_requested", `${hideIp}`],
    ["turn_available", "false"],
    ["turn_error", JSON.stringify(NO_TURN)],
    ["last_local_message_at_ms", status.last_local_message_at_ms?.toString()],
    ["local_state", status.local_state],
    ["recommended_live_config", status.recommended_live_config],
  ];
  const given = members.flatMap(([key, value]) => (value === undefined ? [] : [`${JSON.stringify(key)}:${value}`]));
  return `{${given.join()}}`;
}

/** The same for people, one `key: value` a line. */
export function defaultMootStatusText(status: DefaultMootStatus, hideIp: boolean): string {
  const lines: readonly (readonly [string, unknown])[] = [
    ["consent", status.consent],
    ["descriptor_verified", status.descriptor_verified],
    ["descriptor_error", status.descriptor_error],
    ["group_id", status.group_id && GroupId.toBase64(status.group_id)],
    ["joined", status.joined],
    ["live_enabled", status.live_enabled],
    ["allowed_live_actions", status.allowed_live_actions?.join(",")],
    ["hide_ip_requested", hideIp],
    ["turn_available", false],
    ["policy", status.policy_summary],
    ["last_local_message_at_ms", status.last_local_message_at_ms],
  ];
  return lines.flatMap(([key, value]) => (value === undefined ? [] : [`${key}: ${value}`])).join("\n");
}

/** What `default-moot join` prints, keys ascending as the original's. `introStatus`: what became of an introduction. */
export function defaultMootJoinedJson(
  joined: DefaultMootJoined,
  introStatus: "published" | "skipped_no_daemon" | undefined,
) {
  return {
    descriptor_url: joined.descriptor_url,
    group_id: GroupId.toBase64(joined.group_id),
    ...(introStatus === undefined ? {} : { intro_published: introStatus === "published", intro_status: introStatus }),
    name: joined.name,
    status: joined.status,
  };
}
