/** Kinds of vectors, as `<subject>/<kind>`, that nothing here answers yet. `*` stands for any kind. */
export const NOT_YET_DUE: readonly string[] = [
  "control-socket/live",
  "control-socket/tail",
  "esp-auth/apns",
  "esp-auth/derived_group",
  "esp-auth/file",
  "esp-auth/http/idempotency",
  "esp-auth/http/live-agents",
  "esp-auth/http/no-daemon",
  "esp-auth/http/open_invite",
  "esp-auth/http/prefs",
  "esp-auth/http/publish",
  "esp-auth/http/push",
  "esp-auth/http/sign",
  "esp-auth/signing_payload",
  "esp-signed/fleet_proof",
  "peer-behaviour/*",
  "pilot-ipc/*",
  "rbsr/*",
];

/** Folders of vectors for systems that are not built. */
export const SYSTEMS_NOT_YET_DUE: readonly string[] = ["egregore"];
