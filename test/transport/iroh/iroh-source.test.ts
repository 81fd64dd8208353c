import { expect, test } from "bun:test";
import { dialledFrom } from "../../../src/transport/iroh/iroh-source.ts";

const host = (addr: string) => dialledFrom({ kind: "ip", addr }).host;

test("an IPv4 address is a host, and each port of it a source", () => {
  expect(dialledFrom({ kind: "ip", addr: "192.0.2.7:4433" })).toEqual({ host: "192.0.2.7", source: "192.0.2.7:4433" });
  expect(host("[::ffff:192.0.2.7]:4433")).toBe("192.0.2.7");
});

test("addresses of one IPv6 network are one host, however they are written", () => {
  const network = "2001:db8:0:1::/64";
  for (const addr of ["[2001:db8:0:1::7]:1", "[2001:db8:0:1:ff:ff:ff:ff]:2", "[2001:DB8:0000:0001::]:3"]) {
    expect(host(addr)).toBe(network);
  }
  expect(host("[2001:db8::2]:1")).toBe("2001:db8:0:0::/64");
  expect(host("[2001:db8:0:2::7]:1")).not.toBe(network);
  expect(host("[::1]:1")).toBe("0:0:0:0::/64");
  expect(host("[fe80::1%eth0]:1")).toBe("fe80:0:0:0::/64");
});

test("who comes through a relay is told apart by the key that it proved, and shares the relay's room", () => {
  const [one, other] = ["a", "b"].map((endpointId) =>
    dialledFrom({ kind: "relay", addr: "https://relay.example/", endpointId }),
  );
  expect(one?.host).toBe(other!.host);
  expect(one?.source).not.toBe(other!.source);
});
