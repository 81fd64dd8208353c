import { expect, test } from "bun:test";
import { REPEAT_SEPARATOR } from "../../../src/cli/line/command.ts";
import { parseEspFlags } from "../../../src/cli/line/esp-flags.ts";
import { parseGlobalOptions } from "../../../src/cli/line/global-flags.ts";

const ENV = { HOME: "/h", ENTMOOT_DATA: "/data" };
const options = parseGlobalOptions({}, ENV);

/** What the words of a command line say, as `esp serve` or, with `esp-` before them, `serve` takes them. */
function parse(prefix: "" | "esp-", words: readonly string[], env: Readonly<Record<string, string>> = {}) {
  const args: Record<string, string | boolean> = {};
  for (let at = 0; at < words.length; at++) {
    const name = words[at]!.slice(1);
    const value = words[at + 1];
    if (value === undefined || value.startsWith("-")) args[name] = true;
    else {
      args[name] = args[name] === undefined ? value : `${args[name]}${REPEAT_SEPARATOR}${value}`;
      at += 1;
    }
  }
  return parseEspFlags({ label: "serve", args, prefix, options, env: { ...ENV, ...env } });
}

const EXPECTED = {
  mode: "dual",
  token: "t",
  hostname: "0.0.0.0",
  port: 8087,
  isLoopback: false,
  deviceKeysPath: "/h/keys.json",
  allowedHosts: new Set(["esp.example", "b"]),
  tls: { certPath: "/c.pem", keyPath: "/k.pem" },
  perMinute: 7,
  apns: { teamId: "T", keyId: "K", topic: "x.y", keyPath: "/h/k.p8", isSandbox: true },
  bonjourName: "moot",
} as const;

test("esp serve takes each flag", () => {
  const words = [
    ...["-addr", "0.0.0.0:8087", "-auth-mode", "dual", "-token", "t", "-device-keys", "~/keys.json"],
    ...["-allow-non-loopback", "-allow-host", "ESP.example", "-allow-host", "b"],
    ...["-tls-cert", "/c.pem", "-tls-key", "/k.pem", "-rate-limit", "7", "-bonjour-name", " moot "],
    ...["-apns-team-id", "T", "-apns-key-id", "K", "-apns-topic", "x.y", "-apns-key", "~/k.p8", "-apns-sandbox"],
  ];
  expect(parse("", words)).toMatchObject(EXPECTED);
});

test("serve takes each flag under esp-", () => {
  const words = [
    ...["-esp", "0.0.0.0:8087", "-esp-auth-mode", "dual", "-esp-token", "t", "-esp-device-keys", "~/keys.json"],
    ...["-esp-allow-non-loopback", "-esp-allow-host", "ESP.example", "-esp-allow-host", "b"],
    ...["-esp-tls-cert", "/c.pem", "-esp-tls-key", "/k.pem", "-esp-rate-limit", "7", "-esp-bonjour-name", "moot"],
    ...["-esp-apns-team-id", "T", "-esp-apns-key-id", "K", "-esp-apns-topic", "x.y", "-esp-apns-key", "~/k.p8"],
    "-esp-apns-sandbox",
  ];
  expect(parse("esp-", words)).toMatchObject(EXPECTED);
});

test("what no flag says variables say, and the rest is as in the original", () => {
  const apns = {
    ENTMOOT_APNS_TEAM_ID: "T",
    ENTMOOT_APNS_KEY_ID: "K",
    ENTMOOT_APNS_TOPIC: "x.y",
    ENTMOOT_APNS_KEY: "/k",
  };
  const env = { ENTMOOT_ESP_TOKEN: "from env", ...apns, ENTMOOT_APNS_SANDBOX: " YES " };
  expect(parse("", [], env)).toMatchObject({
    addr: "127.0.0.1:8087",
    isLoopback: true,
    mode: "bearer",
    token: "from env",
    deviceKeysPath: "/data/esp-devices.json",
    perMinute: 600,
    apns: { teamId: "T", isSandbox: true },
    bonjourName: undefined,
  });
  for (const addr of ["127.0.0.1:1", "[::1]:1", "LocalHost:1"]) {
    expect(parse("", ["-token", "t", "-addr", addr]).isLoopback).toBe(true);
  }
  expect(() => parse("", ["-token", "t", "-addr", "127.0.0.1:0", "-bonjour-name", "a"])).toThrow(
    "-bonjour-name requires a TCP port in -addr",
  );
});
