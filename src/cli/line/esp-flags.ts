import { join } from "node:path";
import { trimSpace } from "../../core/bytes/text.ts";
import { EntmootError } from "../../core/errors.ts";
import type { ApnsOptions, EspOptions } from "../../daemon/esp-options.ts";
import type { GlobalOptions } from "../../daemon/options.ts";
import { absolutePath, homeFolder } from "../../host/home-path.ts";
import { AUTH_MODES, type AuthMode } from "../../http/authenticate.ts";
import { type FlagDef, repeated } from "./command.ts";
import type { Environment } from "./global-flags.ts";

/** Wire. Where the service listens unless it is told otherwise. */
const ADDR = "127.0.0.1:8087";
/** Ours. Requests of one in a minute. */
const PER_MINUTE = 600;
const HOSTS_MAX = 64;

/** Where the registry of devices is, for the service and for whoever keeps it. */
export const deviceKeysFlag = {
  type: "string",
  valueHint: "FILE",
  defaultHint: "<data>/esp-devices.json",
  description: "registry of devices",
} as const satisfies FlagDef;

/** Flags of the HTTP service but its address. */
const FLAGS = {
  "auth-mode": {
    type: "string",
    valueHint: "bearer|device|dual",
    defaultHint: "bearer",
    description: "who may ask: who has the token, registered devices, or both",
  },
  token: { type: "string", valueHint: "TOKEN", env: "ENTMOOT_ESP_TOKEN", description: "bearer token" },
  "device-keys": deviceKeysFlag,
  "allow-non-loopback": { type: "boolean", description: "listen on an address that others reach; behind TLS only" },
  "allow-host": {
    type: "string",
    repeatable: true,
    valueHint: "NAME",
    defaultHint: "names of this machine",
    description: "a further name it is asked under",
  },
  "tls-cert": { type: "string", valueHint: "FILE", description: "PEM certificate with its chain; with -tls-key" },
  "tls-key": { type: "string", valueHint: "FILE", description: "PEM key of the certificate" },
  "rate-limit": {
    type: "string",
    valueHint: "N",
    defaultHint: String(PER_MINUTE),
    description: "requests a minute of one device, member, address or the token; 0 for no limit",
  },
  "apns-team-id": { type: "string", valueHint: "ID", env: "ENTMOOT_APNS_TEAM_ID", description: "team at Apple" },
  "apns-key-id": { type: "string", valueHint: "ID", env: "ENTMOOT_APNS_KEY_ID", description: "key at Apple" },
  "apns-topic": { type: "string", valueHint: "ID", env: "ENTMOOT_APNS_TOPIC", description: "bundle id of the app" },
  "apns-key": { type: "string", valueHint: "FILE", env: "ENTMOOT_APNS_KEY", description: "key file, .p8" },
  "apns-sandbox": { type: "boolean", env: "ENTMOOT_APNS_SANDBOX", description: "push by Apple's sandbox" },
  "bonjour-name": { type: "string", valueHint: "NAME", description: "tell the local network of it under this name" },
} as const satisfies Record<string, FlagDef>;

type Prefixed<Prefix extends string, Flags extends Record<string, FlagDef>> = {
  readonly [Name in keyof Flags & string as `${Prefix}${Name}`]: Flags[Name];
};

const under = <const Prefix extends string>(prefix: Prefix) =>
  Object.fromEntries(Object.entries(FLAGS).map(([name, flag]) => [`${prefix}${name}`, flag])) as unknown as Prefixed<
    Prefix,
    typeof FLAGS
  >;

/** Flags of `esp serve`. */
export const espFlags = {
  addr: { type: "string", valueHint: "HOST:PORT", defaultHint: ADDR, description: "where it listens; port 0: any" },
  ...FLAGS,
} as const;

/** Flags of `serve` for the service inside the daemon. */
export const daemonEspFlags = {
  esp: { type: "string", valueHint: "HOST:PORT", defaultHint: "none", description: "answer HTTP here, as esp serve" },
  ...under("esp-"),
} as const;

type FlagArgs = Readonly<Record<string, unknown>>;

interface EspArgs {
  /** Starts the errors. */
  readonly label: string;
  readonly args: FlagArgs;
  /** What flags begin with: nothing, or `esp-`. */
  readonly prefix: "" | "esp-";
  readonly options: GlobalOptions;
  readonly env: Environment;
}

/** What the flags and variables say, checked in the original's order. Throws `invalid_argument`. */
export function parseEspFlags(asked: EspArgs): EspOptions {
  const { args, env, label, options, prefix } = asked;
  const refuse = (what: string) => new EntmootError("invalid_argument", `${label}: ${what}`);
  const textOf = (name: keyof typeof FLAGS): string => {
    const flag = args[`${prefix}${name}`];
    const { env: variable } = FLAGS[name] as FlagDef;
    return trimSpace(typeof flag === "string" && flag !== "" ? flag : ((variable && env[variable]) ?? ""));
  };
  const isOn = (name: keyof typeof FLAGS) => args[`${prefix}${name}`] === true;
  const fileOf = (text: string) => absolutePath(text, () => homeFolder(env));

  requireGiven(asked);
  const mode = textOf("auth-mode") || "bearer";
  if (!AUTH_MODES.includes(mode as AuthMode)) throw refuse(`unknown -${prefix}auth-mode ${JSON.stringify(mode)}`);
  const token = textOf("token");
  if (mode !== "device" && token === "") throw refuse(`-${prefix}token or ENTMOOT_ESP_TOKEN is required`);
  const addrFlag = prefix === "" ? "addr" : "esp";
  const addr = trimSpace(String(args[addrFlag] ?? "")) || ADDR;
  const place = placeOf(addr);
  const isLoopback = place !== undefined && isLoopbackName(place.hostname);
  if (!isLoopback && !isOn("allow-non-loopback")) {
    throw refuse(
      `-${addrFlag} ${addr} is not loopback; pass -${prefix}allow-non-loopback only behind TLS/auth infrastructure`,
    );
  }
  const bonjourName = textOf("bonjour-name");
  if (bonjourName !== "" && (place === undefined || place.port === 0)) {
    throw refuse(`-${prefix}bonjour-name requires a TCP port in -${addrFlag}: ${addr}`);
  }
  const apns = apnsOf(asked, textOf, isOn("apns-sandbox"));
  // Ours, behind the original's.
  if (place === undefined) throw refuse(`-${addrFlag}: expected HOST:PORT, found ${JSON.stringify(addr)}`);
  const [certPath, keyPath] = [textOf("tls-cert"), textOf("tls-key")];
  if ((certPath === "") !== (keyPath === "")) throw refuse(`-${prefix}tls-cert and -${prefix}tls-key need each other`);
  const given = args[`${prefix}allow-host`];
  const hosts = repeated(typeof given === "string" ? given : undefined).map((name) => trimSpace(name).toLowerCase());
  if (hosts.length > HOSTS_MAX || hosts.some((name) => !/^[a-z0-9:._-]{1,255}$/.test(name))) {
    throw refuse(`-${prefix}allow-host: expected at most ${HOSTS_MAX} names without port`);
  }
  const rate = textOf("rate-limit") || String(PER_MINUTE);
  if (!/^\d{1,9}$/.test(rate))
    throw refuse(`-${prefix}rate-limit: expected a number from 0, found ${JSON.stringify(rate)}`);
  return {
    addr,
    ...place,
    isLoopback,
    mode: mode as AuthMode,
    token: token === "" ? undefined : token,
    deviceKeysPath: deviceKeysPath(textOf("device-keys"), options, env),
    allowedHosts: new Set(hosts),
    tls: certPath === "" ? undefined : { certPath: fileOf(certPath), keyPath: fileOf(keyPath) },
    perMinute: Number(rate),
    apns,
    bonjourName: bonjourName === "" ? undefined : bonjourName,
  };
}

/** The file that the flag names; empty: the one of the data root. */
export function deviceKeysPath(given: string, { dataDir }: Pick<GlobalOptions, "dataDir">, env: Environment): string {
  return given === "" ? join(dataDir, "esp-devices.json") : absolutePath(given, () => homeFolder(env));
}

/** Throws `invalid_argument` for flags of the service inside the daemon where there is to be none: they would do nothing. */
export function refuseEspFlags(label: string, args: FlagArgs): void {
  const given = Object.keys(FLAGS).find((name) => args[`esp-${name}`] !== undefined && args[`esp-${name}`] !== false);
  if (given === undefined) return;
  throw new EntmootError("invalid_argument", `${label}: -esp-${given} needs -esp HOST:PORT, where the service listens`);
}

/** That none is given as nothing; of the token it is told what else may say it. */
function requireGiven({ args, label, prefix }: EspArgs): void {
  for (const [name, { type, valueHint }] of Object.entries<FlagDef>(FLAGS)) {
    const given = args[`${prefix}${name}`];
    if (type !== "string" || name === "token" || typeof given !== "string") continue;
    if (trimSpace(given) === "") {
      throw new EntmootError("invalid_argument", `${label}: -${prefix}${name} is empty; expected ${valueHint}`);
    }
  }
  const addrFlag = prefix === "" ? "addr" : "esp";
  if (args[addrFlag] !== undefined && trimSpace(String(args[addrFlag])) === "") {
    throw new EntmootError("invalid_argument", `${label}: -${addrFlag} is empty; expected HOST:PORT`);
  }
}

function apnsOf(
  { env, label }: EspArgs,
  textOf: (name: "apns-team-id" | "apns-key-id" | "apns-topic" | "apns-key") => string,
  isSandbox: boolean,
): ApnsOptions | undefined {
  const [teamId, keyId, topic, key] = (["apns-team-id", "apns-key-id", "apns-topic", "apns-key"] as const).map(textOf);
  const given = [teamId, keyId, topic, key].filter((one) => one !== "").length;
  if (given === 0) return undefined;
  if (given < 4) {
    const why = "APNs config requires all of -apns-team-id, -apns-key-id, -apns-topic, and -apns-key";
    throw new EntmootError("invalid_argument", `${label}: ${why}`);
  }
  const forced = ["1", "true", "yes"].includes(trimSpace(env.ENTMOOT_APNS_SANDBOX ?? "").toLowerCase());
  const keyPath = absolutePath(key!, () => homeFolder(env));
  const origin = trimSpace(env.ENTMOOT_APNS_ORIGIN ?? "");
  if (origin !== "" && !/^https:\/\/[^/?#@\s]+$/.test(origin)) {
    throw new EntmootError("invalid_argument", `${label}: ENTMOOT_APNS_ORIGIN: expected https://HOST[:PORT]`);
  }
  return {
    teamId: teamId!,
    keyId: keyId!,
    topic: topic!,
    keyPath,
    isSandbox: isSandbox || forced,
    origin: origin === "" ? undefined : origin,
  };
}

/** `undefined` for what is no host with a port. */
function placeOf(addr: string): { readonly hostname: string; readonly port: number } | undefined {
  const [, bracketed, plain, portText] = /^(?:\[([^\]]*)\]|([^:[\]]*)):(\d{1,5})$/.exec(addr) ?? [];
  const port = Number(portText);
  if (portText === undefined || port > 65_535) return undefined;
  return { hostname: bracketed ?? plain ?? "", port };
}

/** Wire. As the original has it: an empty host is every address. */
function isLoopbackName(hostname: string): boolean {
  const name = hostname.toLowerCase();
  return name === "localhost" || name === "::1" || /^127\.\d{1,3}\.\d{1,3}\.\d{1,3}$/.test(name);
}
