/*
 * What every command needs on its line to come as far as its work; the table-driven walks over all commands add their own to it.
 */

const KEY = "A".repeat(43);

/** What else a command has to be told before it looks at its flags; by its words. */
export const BESIDE: Readonly<Record<string, readonly string[]>> = {
  ask: ["@nobody", "why?"],
  attach: ["opencode", "-dry-run"],
  backup: ["copy"],
  call: ["status"],
  completion: ["bash"],
  conformance: ["/nowhere"],
  context: ["AAAAAAAAAAAA"],
  "default-moot live on": ["-node", "1"],
  detach: ["claude"],
  "esp device add": ["-id", "a", "-pubkey", `${KEY}=`, "-group", `${KEY}=`],
  "esp device disable": ["-id", "a"],
  "esp device enable": ["-id", "a"],
  "esp device grant": ["-id", "a", "-group", `${KEY}=`],
  "esp device grant-admin": ["-id", "a", "-group", `${KEY}=`],
  "esp device onboard": ["-id", "a", "-group", `${KEY}=`],
  "esp device remove": ["-id", "a"],
  "esp device revoke": ["-id", "a", "-group", `${KEY}=`],
  "esp device revoke-admin": ["-id", "a", "-group", `${KEY}=`],
  "esp device rotate-key": ["-id", "a", "-pubkey", `${KEY}=`],
  "esp directory forget": ["-group", `${KEY}=`],
  "esp directory set": ["-group", `${KEY}=`, "-status", "listed"],
  "esp serve": ["-token", "a", "-addr", "127.0.0.1:0"],
  "esp sign-request": ["-device", "a", "-private-key-file", "none", "-method", "GET", "-path", "/v1"],
  export: ["out.file"],
  "group create": ["-name", "a"],
  "group public publish": ["-esp-url", "https://esp.example"],
  "group update": ["-name", "a"],
  import: ["none.archive"],
  "invite revoke": ["-id", "0123456789abcdef"],
  join: ["none"],
  "mailbox ack": ["-client", "a", "-message", "AAAAAAAAAAAA"],
  "mailbox cursor": ["-client", "a"],
  "mailbox pull": ["-client", "a"],
  man: [],
  mute: ["7"],
  "policy explain": ["AAAAAAAAAAAA"],
  "group policy explain": ["AAAAAAAAAAAA"],
  "policy set": ["-preset", "standard"],
  "group policy set": ["-preset", "standard"],
  prune: ["-older-than", "90d", "-yes"],
  publish: ["-topic", "chat", "-content", "a"],
  read: ["AAAAAAAAAAAA"],
  receipts: [],
  reply: ["AAAAAAAAAAAA", "-content", "a"],
  restore: ["/nowhere"],
  "roster add": ["-pubkey", KEY],
  "roster remove": ["-pubkey", KEY],
  "roster heal": ["-keep", "AAAA", "-yes"],
  search: ["word"],
  setup: ["claude", "-print"],
  thread: ["AAAAAAAAAAAA"],
  unmute: ["7"],
  "voice add": ["a"],
  "voice remove": ["a"],
};

/** The same, where it is another for one flag. */
const BESIDE_FLAG: Readonly<Record<string, readonly string[]>> = {
  "attach -dry-run": ["opencode"],
  "ask -file": ["@nobody"],
  "group policy explain -file": [],
  "group policy set -file": [],
  "invite revoke -link": [],
  "mailbox ack -through": ["-client", "a"],
  "policy explain -file": [],
  "policy set -file": [],
  "prune -before": ["-yes"],
  "publish -file": ["-topic", "chat"],
  "reply -file": ["AAAAAAAAAAAA"],
  "roster remove -member": [],
};

/** The line that gives the flag of a command this value, and whatever else the command needs. */
export function lineWith(path: readonly string[], flag: string, value: string): string[] {
  const words = path.join(" ");
  const beside = [...(BESIDE_FLAG[`${words} -${flag}`] ?? BESIDE[words] ?? [])];
  const at = beside.indexOf(`-${flag}`);
  if (at >= 0) beside.splice(at, 2);
  return [...path, `-${flag}=${value}`, ...beside];
}
