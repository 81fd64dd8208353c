import { describe, expect, test } from "bun:test";
import {
  addressesFor,
  formatHint,
  hintKind,
  invitedEndpoint,
  invitedHints,
  isTold,
  splitHint,
} from "../../../src/core/admission/address-hint.ts";
import { ADDRESS_BYTES_MAX } from "../../../src/core/admission/iroh-address.ts";
import { PublicKey } from "../../../src/core/ids.ts";

const key = PublicKey.fromHex("ab".repeat(32));

describe("an iroh address", () => {
  test.each(["192.0.2.1:1", "255.255.255.255:65535", "[::1]:4433", "[2001:db8::ffff:1.2.3.4]:9"])(
    "%s is direct",
    (text) => {
      expect(hintKind(text)).toBe("direct");
    },
  );

  test.each(["https://relay.example/", "http://127.0.0.1:3340", "https://use1-1.relay.example./"])(
    "%s is a relay",
    (text) => {
      expect(hintKind(text)).toBe("relay");
    },
  );

  test.each([
    "",
    "192.0.2.1",
    "192.0.2.1:0",
    "192.0.2.1:65536",
    "192.0.2.1:01",
    "192.0.2.256:1",
    "192.0.2:1",
    "01.2.3.4:1",
    "::1:80",
    "[::1]",
    "[1.2.3.4]:1",
    "[fe80::1%eth0]:1",
    "host.example:1",
    "ftp://relay.example/",
    "https://user@relay.example/",
    "https://relay.example/?q",
    "https://relay.example/ x",
    "https://é.example/",
    `https://${"a".repeat(200)}.example/`,
    "iroh:192.0.2.1:1",
  ])("%j is neither", (text) => {
    expect(() => hintKind(text)).toThrow("iroh address:");
  });

  test("in an invite is the key, @ and a hint, within 255 bytes", () => {
    const endpoint = invitedEndpoint(key, "192.0.2.1:4433")!;
    expect(endpoint).toEqual({ network: "iroh", addr: `${key}@192.0.2.1:4433` });
    expect(invitedHints([endpoint])).toEqual([{ key, hint: "192.0.2.1:4433" }]);
    const longest = invitedEndpoint(key, `https://relay.example/${"a".repeat(ADDRESS_BYTES_MAX - 65 - 22)}`);
    expect(longest?.addr.length).toBe(ADDRESS_BYTES_MAX);
    expect(() => invitedEndpoint(key, "host.example:1")).toThrow("iroh address:");
    for (const addr of [key, `${key}@`, `${key.toUpperCase()}@192.0.2.1:1`, `${key}@192.0.2.1:1\n`]) {
      expect(invitedHints([{ network: "iroh", addr }])).toEqual([]);
    }
  });

  test("is picked from an invite's endpoints; others are skipped", () => {
    const endpoints = [
      { network: "tcp", addr: "192.0.2.1:1" },
      { network: "iroh", addr: "nonsense" },
      invitedEndpoint(key, "https://relay.example/")!,
    ];
    expect(invitedHints(endpoints)).toEqual([{ key, hint: "https://relay.example/" }]);
  });
});

describe("a hint", () => {
  test.each([
    ["192.0.2.1:1", "iroh", "192.0.2.1:1"],
    ["[2001:db8::1]:9", "iroh", "[2001:db8::1]:9"],
    ["https://relay.example/", "iroh", "https://relay.example/"],
    ["pilot:1:0001.F291.0004", "pilot", "1:0001.F291.0004"],
    ["pilot:", "pilot", ""],
    ["memory:x", "memory", "x"],
    ["iroh:192.0.2.1:1", "iroh", "iroh:192.0.2.1:1"],
    ["toString:1", "iroh", "toString:1"],
    ["pilot", "iroh", "pilot"],
    ["", "iroh", ""],
  ] as const)("%j is for %s, which reads %j", (hint, carrier, address) => {
    expect(splitHint(hint)).toEqual({ carrier, address });
    expect(formatHint(carrier, address)).toBe(hint);
  });

  test("is given to the carrier it is for", () => {
    const hints = ["192.0.2.1:1", "pilot:a", "https://relay.example/", "pilot:b"];
    expect(addressesFor("iroh", hints)).toEqual(["192.0.2.1:1", "https://relay.example/"]);
    expect(addressesFor("pilot", hints)).toEqual(["a", "b"]);
    expect(addressesFor("memory", hints)).toEqual([]);
  });

  test("of a carrier that others are not told of stands in nothing that is signed", () => {
    expect([isTold("pilot:1"), isTold("192.0.2.1:1")]).toEqual([false, true]);
    expect(() => hintKind("pilot:1")).toThrow("not told");
    expect(invitedEndpoint(key, "pilot:1")).toBeUndefined();
  });
});
