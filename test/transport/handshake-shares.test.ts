import { expect, test } from "bun:test";
import { type DialledFrom, HandshakeShares } from "../../src/transport/handshake-shares.ts";
import { DEFAULT_LIMITS } from "../../src/transport/transport-limits.ts";

const { handshakes, handshakesPerHost, handshakesPerSource } = DEFAULT_LIMITS;

const from = (host: number, port = 1): DialledFrom => ({ host: `192.0.2.${host}`, source: `192.0.2.${host}:${port}` });

/** How many of `count` handshakes begin. */
function begun(shares: HandshakeShares, count: number, whence: (at: number) => DialledFrom): number {
  return Array.from({ length: count }, (_, at) => shares.spend(whence(at))).filter(Boolean).length;
}

test("one program takes a few of all handshakes, one host some, and others have the rest", () => {
  const shares = new HandshakeShares(DEFAULT_LIMITS);
  expect(begun(shares, 250, () => from(1))).toBe(handshakesPerSource);
  expect(begun(shares, 250, (at) => from(1, at))).toBe(handshakesPerHost - handshakesPerSource);
  expect(begun(shares, 3, (at) => from(2, at))).toBe(3);
  expect(shares.total).toBe(handshakesPerHost + 3);
});

test("what is left when strangers took all of theirs is for hosts where members were", () => {
  const shares = new HandshakeShares(DEFAULT_LIMITS);
  shares.know(from(200).host);
  const strangers = begun(shares, 250, (at) => from(at % 100, at));
  expect(strangers).toBe(handshakes * 0.75);
  expect(shares.spend(from(199))).toBe(false);
  expect(begun(shares, 3, (at) => from(200, at))).toBe(3);
});

test("what is given back can be taken, and leaves nothing behind", () => {
  const shares = new HandshakeShares({ ...DEFAULT_LIMITS, handshakes: 2 });
  for (let at = 0; at < 10; at++) {
    expect(shares.spend(from(1))).toBe(true);
    expect(shares.spend(from(2))).toBe(true);
    expect(shares.spend(from(3))).toBe(false);
    shares.giveBack(from(1));
    shares.giveBack(from(2));
  }
  expect(shares.total).toBe(0);
});
