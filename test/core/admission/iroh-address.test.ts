import { describe, expect, test } from "bun:test";
import {
  ADDRESS_BYTES_MAX,
  irohAddresses,
  irohEndpoint,
  parseAddressHint,
  parseIrohAddress,
} from "../../../src/core/admission/iroh-address.ts";
import { PublicKey } from "../../../src/core/ids.ts";

const key = PublicKey.fromHex("ab".repeat(32));

describe("an iroh address", () => {
  test.each(["192.0.2.1:1", "255.255.255.255:65535", "[::1]:4433", "[2001:db8::ffff:1.2.3.4]:9"])(
    "%s is direct",
    (text) => {
      expect(parseAddressHint(text)).toEqual({ kind: "direct", address: text });
    },
  );

  test.each(["https://relay.example/", "http://127.0.0.1:3340", "https://use1-1.relay.example./"])(
    "%s is a relay",
    (text) => {
      expect(parseAddressHint(text)).toEqual({ kind: "relay", address: text });
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
  ])("%j is neither", (text) => {
    expect(() => parseAddressHint(text)).toThrow("iroh address:");
  });

  test("in an invite is the key, @ and a hint, within 255 bytes", () => {
    const endpoint = irohEndpoint(key, "192.0.2.1:4433");
    expect(endpoint).toEqual({ network: "iroh", addr: `${key}@192.0.2.1:4433` });
    expect(parseIrohAddress(endpoint.addr)).toEqual({ key, hint: { kind: "direct", address: "192.0.2.1:4433" } });
    const longest = irohEndpoint(key, `https://relay.example/${"a".repeat(ADDRESS_BYTES_MAX - 65 - 22)}`);
    expect(longest.addr.length).toBe(ADDRESS_BYTES_MAX);
    for (const bad of [key, `${key}@`, `${key.toUpperCase()}@192.0.2.1:1`, `${key}@192.0.2.1:1\n`]) {
      expect(() => parseIrohAddress(bad)).toThrow("iroh address:");
    }
  });

  test("is picked from an invite's endpoints; others are skipped", () => {
    const endpoints = [
      { network: "tcp", addr: "192.0.2.1:1" },
      { network: "iroh", addr: "nonsense" },
      irohEndpoint(key, "https://relay.example/"),
    ];
    expect(irohAddresses(endpoints)).toEqual([{ key, hint: { kind: "relay", address: "https://relay.example/" } }]);
  });
});
