import { expect, test } from "bun:test";
import { steadyMs } from "../../../src/core/clock.ts";
import { PublicKey } from "../../../src/core/ids.ts";
import { RelayGate } from "../../../src/transport/iroh/relay-gate.ts";
import { identity } from "../../support/identity.ts";

const peer = (n: number) => PublicKey.fromBytes(identity(n).publicKey);
const relay = (n: number) => `https://r${n}.example/`;

test("a peer leads to four new relays at once and then to one in ten minutes, and all peers together to thirty-two", () => {
  const gate = new RelayGate({ relays: [], bound: [] });
  const asked = (who: number, from: number, count: number, atMs: number) =>
    Array.from({ length: count }, (_, i) => gate.admit(peer(who), relay(from + i), steadyMs(atMs))).filter(Boolean)
      .length;
  expect(asked(1, 0, 50, 0)).toBe(4);
  // What is known already costs nobody anything.
  for (let n = 0; n < 20; n++) expect(gate.admit(peer(2), relay(n % 4), steadyMs(0))).toBe(true);
  expect(asked(1, 100, 50, 600_000)).toBe(1);
  let all = 0;
  for (let who = 10; who < 60; who++) all += asked(who, 1_000 * who, 4, 600_000);
  expect(all).toBe(32 - 1);
  expect(asked(100, 200_000, 4, 630_000)).toBe(1);
});

test("what may not be asked at all costs nothing", () => {
  const gate = new RelayGate({ relays: [], bound: [] });
  for (let n = 0; n < 100; n++) expect(gate.admit(peer(1), `http://10.0.0.${n}/`, steadyMs(0))).toBe(false);
  expect(gate.admit(peer(1), relay(1), steadyMs(0))).toBe(true);
});
