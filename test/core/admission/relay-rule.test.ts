import { expect, test } from "bun:test";
import { mayAskRelay } from "../../../src/core/admission/relay-rule.ts";

const NOTHING = { relays: [], bound: [] };

test("a relay that others name is asked over TLS and in the internet alone, however its address is written", () => {
  for (const url of [
    "https://relay.example/",
    "https://relay.example.:8443/path",
    "https://8.8.8.8/",
    "https://[2606:4700::1111]/",
    "https://172.32.0.1/",
    "https://192.169.0.1/",
  ]) {
    expect([url, mayAskRelay(url, NOTHING)]).toEqual([url, true]);
  }
  const hosts = [
    ...["127.0.0.1", "127.1", "0x7f.0.0.1", "2130706433", "017700000001", "0.0.0.0", "10.1.2.3", "100.64.0.1"],
    ...["169.254.169.254", "172.16.0.1", "172.31.255.255", "192.168.1.1", "192.0.0.8", "198.18.0.1", "224.0.0.1"],
    ...["255.255.255.255", "[::1]", "[::]", "[::ffff:127.0.0.1]", "[::ffff:a9fe:a9fe]", "[::10.0.0.1]", "[fe80::1]"],
    ...["[fc00::1]", "[fdff::1]", "[ff02::1]", "[64:ff9b::10.0.0.1]", "[64:ff9b:1::1]", "[2002:a00:1::]", "[fec0::1]"],
    ...["localhost", "LOCALHOST.", "a.localhost", "router", "printer.local", "db.internal", "x.lan", "box.home.arpa"],
  ];
  for (const host of hosts) {
    const url = `https://${host}/`;
    expect([url, mayAskRelay(url, NOTHING)]).toEqual([url, false]);
  }
  for (const url of ["http://relay.example/", "http://8.8.8.8:80/", "ftp://relay.example/", "relay.example", ""]) {
    expect([url, mayAskRelay(url, NOTHING)]).toEqual([url, false]);
  }
});

test("what the node has chosen for itself it may be led to", () => {
  const own = { relays: ["http://10.0.0.1:3340"], bound: [] };
  expect(mayAskRelay("http://10.0.0.1:3340/", own)).toBe(true);
  expect(mayAskRelay("http://10.0.0.1:3341/", own)).toBe(false);
  const loopback = { relays: [], bound: ["127.0.0.1", "::1"] };
  expect(mayAskRelay("https://localhost:1/", loopback)).toBe(true);
  expect(mayAskRelay("https://[::ffff:127.0.0.2]/", loopback)).toBe(true);
  expect(mayAskRelay("https://192.168.0.1/", loopback)).toBe(false);
  expect(mayAskRelay("http://localhost:1/", loopback)).toBe(false);
  expect(mayAskRelay("https://192.168.0.1/", { relays: [], bound: ["10.0.0.5"] })).toBe(true);
});
