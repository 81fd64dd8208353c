import { describe, expect, test } from "bun:test";
import { parseFeatureFlags, requireFeature } from "../../../src/cli/line/feature-flags.ts";
import { parseGlobalOptions } from "../../../src/cli/line/global-flags.ts";
import type { EntmootError } from "../../../src/core/errors.ts";
import { expandHome } from "../../../src/host/home-path.ts";

const HOME = { HOME: "/h" };

test("without flags and variables everything has its default", () => {
  expect(parseGlobalOptions({}, HOME)).toEqual({
    dataDir: "/h/.entmoot",
    identityPath: "/h/.entmoot/identity.json",
    transport: "auto",
    relay: { kind: "default" },
    irohPort: undefined,
    irohBind: [],
    lan: true,
    hideIp: false,
    pilotSocket: "/tmp/pilot.sock",
    listenPort: 1004,
    pilotWaitTimeoutMs: 45_000,
    pilotWaitBaseDelayMs: 250,
    pilotWaitMaxDelayMs: 3_000,
    pilotWaitGiven: [],
    logLevel: "info",
    traceGossipTransport: false,
    traceReconcile: false,
    jsonErrors: false,
    agentSocket: undefined,
  });
});

test("a variable gives the value where the flag is absent, and the flag wins; an empty variable is unset", () => {
  const env = { ...HOME, ENTMOOT_DATA: "/e", ENTMOOT_TRANSPORT: "pilot", ENTMOOT_IROH_PORT: "", ENTMOOT_HIDE_IP: "1" };
  expect(parseGlobalOptions({}, env)).toMatchObject({
    dataDir: "/e",
    transport: "pilot",
    irohPort: undefined,
    hideIp: true,
  });
  expect(parseGlobalOptions({ data: "/f", transport: "iroh", "hide-ip": false }, env)).toMatchObject({
    dataDir: "/f",
    identityPath: "/f/identity.json",
    transport: "iroh",
    hideIp: false,
  });
});

test("a leading ~ is the home directory, in every path and nowhere else", () => {
  const options = parseGlobalOptions({ data: "~/e", identity: "~", socket: "~/p.sock" }, HOME);
  expect(options).toMatchObject({ dataDir: "/h/e", identityPath: "/h", pilotSocket: "/h/p.sock" });
  expect(expandHome("~user/x", "/h")).toBe("~user/x");
  expect(expandHome("/a/~", "/h")).toBe("/a/~");
});

test("a relative path counts from where the command was started", () => {
  expect(parseGlobalOptions({ data: "e" }, HOME).dataDir).toBe(`${process.cwd()}/e`);
});

test("relays are the default ones, none, or the ones given, from flags or a comma separated variable", () => {
  const of = (relay: string) => parseGlobalOptions({ relay }, HOME).relay;
  expect(of("off")).toEqual({ kind: "off" });
  expect(of("default")).toEqual({ kind: "default" });
  expect(of("https://a.example\0http://localhost:3340")).toEqual({
    kind: "urls",
    urls: ["https://a.example", "http://localhost:3340"],
  });
  expect(parseGlobalOptions({}, { ...HOME, ENTMOOT_RELAY: "https://a.example, https://b.example" }).relay).toEqual({
    kind: "urls",
    urls: ["https://a.example", "https://b.example"],
  });
});

test("the addresses of iroh are IP addresses, one flag each or comma separated", () => {
  expect(parseGlobalOptions({ "iroh-bind": "127.0.0.1,::1\0fe80::1" }, HOME).irohBind).toEqual([
    "127.0.0.1",
    "::1",
    "fe80::1",
  ]);
});

test.each([
  ["WARNING", "warn"],
  [" err ", "error"],
  ["Debug", "debug"],
] as const)("log level %j is %s", (text, level) => {
  expect(parseGlobalOptions({ "log-level": text }, HOME).logLevel).toBe(level);
});

describe("a value that cannot be is refused with the name of its flag or variable, what was expected and found", () => {
  test.each([
    [{ "listen-port": "0" }, {}, "listen-port 0 out of uint16 range: expected a port from 1 to 65535"],
    [{ "listen-port": "65536" }, {}, "listen-port 65536 out of uint16 range: expected a port from 1 to 65535"],
    [{ "listen-port": "x" }, {}, 'invalid value "x" for flag -listen-port: expected a port from 1 to 65535'],
    [{ "log-level": "" }, {}, 'unknown log level "": expected debug, info, warn or error'],
    [{ "log-level": "bogus" }, {}, 'unknown log level "bogus": expected debug, info, warn or error'],
    [{ "log-level": "constructor" }, {}, 'unknown log level "constructor": expected debug, info, warn or error'],
    [{ data: "" }, {}, '-data: expected a path, found ""'],
    [{ transport: "Iroh" }, {}, '-transport: expected auto, iroh, pilot or memory, found "Iroh"'],
    [{}, { ENTMOOT_TRANSPORT: "udp" }, 'ENTMOOT_TRANSPORT: expected auto, iroh, pilot or memory, found "udp"'],
    [{}, { ENTMOOT_IROH_PORT: "65536" }, 'ENTMOOT_IROH_PORT: expected a port from 0 to 65535, found "65536"'],
    [{ "iroh-bind": "localhost" }, {}, '-iroh-bind: expected IP addresses without a port, found "localhost"'],
    [{ "iroh-bind": "127.0.0.1:80" }, {}, "-iroh-bind: expected IP addresses without a port"],
    [{ lan: "maybe" }, {}, '-lan: expected on or off, found "maybe"'],
    [{ relay: "off\0https://a.example" }, {}, "-relay: expected default or off alone, or relay URLs"],
    [{ relay: "ftp://a.example" }, {}, "-relay: expected default, off, or an http(s) URL"],
    [{ relay: "https://u:p@a.example" }, {}, "-relay: expected default, off, or an http(s) URL"],
    [{ relay: "http:a.example" }, {}, "-relay: expected default, off, or an http(s) URL"],
    [{ relay: "," }, {}, "-relay: expected at least one value"],
    [{ relay: Array(17).fill("https://a.example").join(",") }, {}, "-relay: expected at most 16 values"],
    [{ "pilot-wait-timeout": "45" }, {}, 'invalid value "45" for flag -pilot-wait-timeout: expected a duration'],
    [{}, { ENTMOOT_HIDE_IP: "perhaps" }, "ENTMOOT_HIDE_IP: expected one of 1,true,yes,on,0,false,no,off"],
  ])("%j %j", (args, env, message) => {
    expect(() => parseGlobalOptions(args, { ...HOME, ...env })).toThrow(message);
  });

  test("and a long one is cut", () => {
    expect(() => parseGlobalOptions({ lan: "x".repeat(10_000) }, HOME)).toThrow(/^.{1,140}$/);
  });
});

describe("feature flags", () => {
  test.each([
    [{}, false, false],
    [{ ENTMOOT_ENABLE_FLEET: " YES " }, true, false],
    [{ ENTMOOT_ENABLE_FLEET: "1", ENTMOOT_ENABLE_TASKS: "on" }, true, true],
    [{ ENTMOOT_ENABLE_TASKS: "true" }, false, false],
    [{ ENTMOOT_ENABLE_FLEET: "off", ENTMOOT_ENABLE_TASKS: "1" }, false, false],
    [{ ENTMOOT_ENABLE_FLEET: "  " }, false, false],
  ])("%j", (env, fleet, tasks) => {
    expect(parseFeatureFlags(env)).toEqual({ fleet, tasks });
  });

  test("any other word is refused, even where fleet is off", () => {
    expect(() => parseFeatureFlags({ ENTMOOT_ENABLE_TASKS: "enabled" })).toThrow(
      'ENTMOOT_ENABLE_TASKS must be one of 1,true,yes,on,0,false,no,off, found "enabled"',
    );
  });

  test("a command behind a feature says which variables turn it on", () => {
    expect(() => requireFeature("fleet list", { fleet: false, tasks: false }, "fleet")).toThrow(
      "ENTMOOT_ENABLE_FLEET=1",
    );
    try {
      requireFeature("agent-commands watch", { fleet: true, tasks: false }, "tasks");
      throw new Error("accepted");
    } catch (error) {
      expect((error as EntmootError).code).toBe("disabled");
      expect((error as EntmootError).message).toContain("ENTMOOT_ENABLE_TASKS=1");
    }
    requireFeature("fleet list", { fleet: true, tasks: false }, "fleet");
  });
});

test("a home folder is looked for where a path counts from it alone", () => {
  const none = () => {
    throw new Error("looked for");
  };
  expect(parseGlobalOptions({ data: "/d" }, {}, none)).toMatchObject({
    dataDir: "/d",
    identityPath: "/d/identity.json",
  });
  expect(parseGlobalOptions({}, { ENTMOOT_AGENT_SOCKET: "/s" }, none)).toMatchObject({ agentSocket: "/s" });
  for (const args of [{}, { data: "~/d" }, { data: "/d", identity: "~/i" }]) {
    expect(() => parseGlobalOptions(args, {}, none)).toThrow("looked for");
  }
});
