/** Kinds of vectors, as `<subject>/<kind>`, that nothing here answers yet. `*` stands for any kind. */
export const NOT_YET_DUE: readonly string[] = [
  "control-socket/live",
  "control-socket/tail",
  "esp-auth/*",
  "esp-signed/*",
  "peer-behaviour/*",
  "pilot-ipc/*",
  "rbsr/*",
];

/** Folders of vectors for systems that are not built. */
export const SYSTEMS_NOT_YET_DUE: readonly string[] = ["egregore"];
