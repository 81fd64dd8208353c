import { join } from "node:path";
import * as v from "valibot";
import { isRelayUrl } from "../../core/admission/iroh-address.ts";
import { trimSpace } from "../../core/bytes/text.ts";
import { durationMsOf } from "../../core/duration.ts";
import { EntmootError } from "../../core/errors.ts";
import type { GlobalOptions, LogLevel, RelayChoice } from "../../daemon/options.ts";
import { absolutePath, type Home, homeFolder, knownHome } from "../../host/home-path.ts";
import { type FlagDef, repeated } from "./command.ts";
import { SWITCH_WORDS, switchOf } from "./feature-flags.ts";
import { integerOf } from "./flag-values.ts";

/** Flags every command takes, before or after its name. Commands spread them into `args`. */
export const globalFlags = {
  data: { type: "string", valueHint: "DIR", env: "ENTMOOT_DATA", defaultHint: "~/.entmoot", description: "data root" },
  identity: {
    type: "string",
    valueHint: "FILE",
    env: "ENTMOOT_IDENTITY",
    defaultHint: "<data>/identity.json",
    description: "key file of this node",
  },
  transport: {
    type: "string",
    valueHint: "auto|iroh|pilot|memory",
    env: "ENTMOOT_TRANSPORT",
    defaultHint: "auto",
    description: "how peers are reached",
  },
  relay: {
    type: "string",
    repeatable: true,
    valueHint: "default|off|URL",
    env: "ENTMOOT_RELAY",
    defaultHint: "default",
    description: "relays that help iroh peers meet",
  },
  "iroh-port": {
    type: "string",
    valueHint: "N",
    env: "ENTMOOT_IROH_PORT",
    defaultHint: "chosen once and kept",
    description: "UDP port for iroh; 0 picks a free one at each start",
  },
  "iroh-bind": {
    type: "string",
    repeatable: true,
    valueHint: "ADDR[,ADDR]",
    env: "ENTMOOT_IROH_BIND",
    defaultHint: "all interfaces",
    description: "addresses iroh listens on",
  },
  lan: {
    type: "string",
    valueHint: "on|off",
    env: "ENTMOOT_LAN",
    defaultHint: "on",
    description: "find peers on the local network",
  },
  "hide-ip": {
    type: "boolean",
    env: "ENTMOOT_HIDE_IP",
    defaultHint: "false",
    description: "never tell peers our address; refuses to start where that cannot be kept",
  },
  socket: {
    type: "string",
    valueHint: "FILE",
    env: "PILOT_SOCKET",
    defaultHint: "/tmp/pilot.sock",
    description: "local socket of the Pilot daemon",
  },
  "listen-port": { type: "string", valueHint: "N", defaultHint: "1004", description: "Pilot port for Entmoot streams" },
  "pilot-wait-timeout": {
    type: "string",
    valueHint: "D",
    defaultHint: "45s",
    description: "how long to wait for Pilot at start; 0 or less makes one attempt",
  },
  "pilot-wait-base-delay": { type: "string", valueHint: "D", defaultHint: "250ms", description: "first retry delay" },
  "pilot-wait-max-delay": { type: "string", valueHint: "D", defaultHint: "3s", description: "longest retry delay" },
  "log-level": {
    type: "string",
    valueHint: "debug|info|warn|error",
    defaultHint: "info",
    description: "what is logged on stderr",
  },
  "trace-gossip-transport": { type: "boolean", description: "log the life of each stream" },
  "trace-reconcile": { type: "boolean", description: "log each reconciliation step" },
  "json-errors": { type: "boolean", description: "JSON objects alone on stderr: failures, notes, the log" },
} as const satisfies Record<string, FlagDef>;

/** Raw values of the global flags, as citty or `argv.ts` hands them over; anything else in the record is ignored. */
export type GlobalArgs = { readonly [Name in keyof typeof globalFlags]?: string | boolean | undefined };

const PILOT_WAIT = ["pilot-wait-timeout", "pilot-wait-base-delay", "pilot-wait-max-delay"] as const;

/** The part of the environment that is read: names to values. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** Ours. More addresses or relays than this is a mistake, not a deployment. */
const LIST_MAX = 16;
/** Ours. What a hint may have, in characters. */
const RELAY_URL_MAX = 255;
/** Ours. No system opens a longer path; PATH_MAX on Linux. */
const PATH_MAX = 4096;

const path = v.pipe(
  v.string(),
  v.nonEmpty("expected a path"),
  v.maxLength(PATH_MAX, `expected a path of at most ${PATH_MAX} characters`),
);
const port = (min: number) =>
  v.pipe(
    v.string(),
    v.transform(integerOf),
    v.bigint(`expected a port from ${min} to 65535`),
    v.minValue(BigInt(min), `expected a port from ${min} to 65535`),
    v.maxValue(65_535n, `expected a port from ${min} to 65535`),
    v.transform(Number),
  );
const duration = v.pipe(v.string(), v.transform(durationMsOf), v.number("expected a duration such as 45s or 250ms"));
const onOff = v.pipe(
  v.string(),
  v.toLowerCase(),
  v.picklist(["on", "off"], "expected on or off"),
  v.transform((word) => word === "on"),
);
const LEVELS: Readonly<Record<string, LogLevel>> = {
  debug: "debug",
  info: "info",
  warn: "warn",
  warning: "warn",
  error: "error",
  err: "error",
};
const logLevel = v.pipe(
  v.string(),
  v.transform(trimSpace),
  v.toLowerCase(),
  v.transform((word) => (Object.hasOwn(LEVELS, word) ? LEVELS[word] : undefined)),
  v.picklist(["debug", "info", "warn", "error"], "expected debug, info, warn or error"),
);
const boolean = v.union(
  [v.boolean(), v.pipe(v.string(), v.transform(switchOf), v.boolean())],
  `expected one of ${SWITCH_WORDS}`,
);
const transport = v.picklist(["auto", "iroh", "pilot", "memory"], "expected auto, iroh, pilot or memory");
const list = v.pipe(
  v.string(),
  v.transform((text) =>
    repeated(text)
      .flatMap((part) => part.split(","))
      .map(trimSpace)
      .filter((part) => part !== ""),
  ),
  v.minLength(1, "expected at least one value"),
  v.maxLength(LIST_MAX, `expected at most ${LIST_MAX} values`),
);
// Not `isIP` of node:net: loading that module costs every command 2 ms.
const addresses = v.pipe(
  list,
  v.everyItem((item) => v.IP_REGEX.test(item), "expected IP addresses without a port"),
);
const relay = v.pipe(
  list,
  v.check(
    (items) => items.length === 1 || items.every((item) => item !== "default" && item !== "off"),
    "expected default or off alone, or relay URLs",
  ),
  v.everyItem(
    (item) => item === "default" || item === "off" || (item.length <= RELAY_URL_MAX && isRelayUrl(item)),
    "expected default, off, or an http(s) URL without user, query or fragment",
  ),
  v.transform((items): RelayChoice => {
    const [first] = items;
    return first === "default" || first === "off" ? { kind: first } : { kind: "urls", urls: items };
  }),
);

/**
 * Flags first, then their environment variables, then the built-in defaults. `home` is looked at where a path counts from it.
 * Throws `invalid_argument` naming the flag or variable, what was expected and what was found.
 */
export function parseGlobalOptions(
  args: GlobalArgs,
  env: Environment,
  home: Home = () => homeFolder(env),
): GlobalOptions {
  /** The value of one flag; `undefined` when neither flag nor variable gives it. An empty variable counts as unset. */
  function read<Schema extends v.GenericSchema>(name: keyof typeof globalFlags, schema: Schema) {
    const def: FlagDef = globalFlags[name];
    const fromFlag = args[name];
    const fromEnv = def.env === undefined ? undefined : env[def.env] || undefined;
    const value = fromFlag ?? fromEnv;
    if (value === undefined) return undefined;
    const result = v.safeParse(schema, value);
    if (result.success) return result.output;
    const source = fromFlag !== undefined ? `-${name}` : def.env;
    throw new EntmootError("invalid_argument", refusalOf(name, source, result.issues[0].message, show(value)));
  }

  const agentSocket = agentSocketOf(env, home);
  if (agentSocket !== undefined) refuseRootBeside(args);
  // Over an agents' socket nothing looks there.
  const rootHome = agentSocket === undefined ? home : (knownHome(env) ?? "/");
  const dataDir = absolutePath(read("data", path) ?? "~/.entmoot", rootHome);
  const identity = read("identity", path);
  return {
    dataDir,
    identityPath: identity === undefined ? join(dataDir, "identity.json") : absolutePath(identity, home),
    transport: read("transport", transport) ?? "auto",
    relay: read("relay", relay) ?? { kind: "default" },
    irohPort: read("iroh-port", port(0)),
    irohBind: read("iroh-bind", addresses) ?? [],
    lan: read("lan", onOff) ?? true,
    hideIp: read("hide-ip", boolean) ?? false,
    pilotSocket: absolutePath(read("socket", path) ?? "/tmp/pilot.sock", home),
    listenPort: read("listen-port", port(1)) ?? 1004,
    pilotWaitTimeoutMs: read("pilot-wait-timeout", duration) ?? 45_000,
    pilotWaitBaseDelayMs: read("pilot-wait-base-delay", duration) ?? 250,
    pilotWaitMaxDelayMs: read("pilot-wait-max-delay", duration) ?? 3_000,
    pilotWaitGiven: PILOT_WAIT.filter((name) => args[name] !== undefined),
    logLevel: read("log-level", logLevel) ?? "info",
    traceGossipTransport: read("trace-gossip-transport", boolean) ?? false,
    traceReconcile: read("trace-reconcile", boolean) ?? false,
    jsonErrors: read("json-errors", boolean) ?? false,
    agentSocket,
  };
}

/** Over an agents' socket no data root is looked at, so one that is asked for by name would be passed over in silence. */
function refuseRootBeside(args: GlobalArgs): void {
  const named = (["data", "identity"] as const).find((name) => args[name] !== undefined);
  if (named === undefined) return;
  throw new EntmootError(
    "invalid_argument",
    `-${named}: ENTMOOT_AGENT_SOCKET is set, over which no data root is looked at; unset it, or leave out -${named}`,
  );
}

/** No flag: whoever runs an agent sets it for everything that the agent starts. */
function agentSocketOf({ ENTMOOT_AGENT_SOCKET: named }: Environment, home: Home): string | undefined {
  if (!named) return undefined;
  if (named.length <= PATH_MAX) return absolutePath(named, home);
  const expected = `expected a path of at most ${PATH_MAX} characters`;
  throw new EntmootError("invalid_argument", `ENTMOOT_AGENT_SOCKET: ${expected}, got ${named.length}`);
}

/** The original's words where it has some, then what is expected. */
function refusalOf(
  name: keyof typeof globalFlags,
  source: string | undefined,
  expected: string,
  found: string,
): string {
  if (name === "log-level") return `unknown log level ${found}: ${expected}`;
  const number = name === "listen-port" ? integerOf(JSON.parse(found)) : undefined;
  if (number !== undefined) return `listen-port ${number} out of uint16 range: ${expected}`;
  if (name === "listen-port" || name.startsWith("pilot-wait"))
    return `invalid value ${found} for flag ${source}: ${expected}`;
  return `${source}: ${expected}, found ${found}`;
}

function show(value: string | boolean): string {
  const text = String(value).replaceAll("\0", ",");
  return JSON.stringify(text.length > 80 ? `${text.slice(0, 80)}…` : text);
}
