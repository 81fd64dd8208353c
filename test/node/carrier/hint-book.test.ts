import { expect, test } from "bun:test";
import { EntmootError } from "../../../src/core/errors.ts";
import { PublicKey } from "../../../src/core/ids.ts";
import { buildPeerHint, decodePeerHint, encodePeerHint } from "../../../src/core/record/peer-hint.ts";
import { HintBook } from "../../../src/node/carrier/hint-book.ts";
import { MemoryNodeStore } from "../../../src/store/memory/memory-node-store.ts";
import { identity } from "../../support/identity.ts";
import { ManualClock } from "../../support/manual-clock.ts";

const [LOCAL, ALICE] = [identity(1), identity(2)] as const;
const ALICE_KEY = PublicKey.fromBytes(ALICE.publicKey);
const START_MS = 1_700_000_000_000;

function world(own: readonly string[] = ["192.0.2.1:1"]) {
  const store = new MemoryNodeStore();
  const clock = new ManualClock(START_MS);
  const local = PublicKey.fromBytes(LOCAL.publicKey);
  const book = new HintBook({ identity: LOCAL, local, store, clock, addresses: () => own });
  const accept = (bytes: Uint8Array) => book.accept(bytes, () => true);
  const pass = (ms: number) => clock.advance(ms);
  return { book, store, accept, pass };
}

function hintOf(seq: bigint, address: string, by = ALICE): Uint8Array {
  const times = { issued_at: BigInt(START_MS), not_after: BigInt(START_MS + 3_600_000) };
  return encodePeerHint(buildPeerHint({ seq, relay: "", addresses: [address], ...times }, by.seed));
}

test("of two hints with one number one wins for good, so that they cannot be passed on in circles", () => {
  const { accept } = world();
  // The winner last, so that it has to be kept to be known the second time.
  const signature = (bytes: Uint8Array) => decodePeerHint(bytes).signature.toHex();
  const pair = [hintOf(5n, "192.0.2.1:1"), hintOf(5n, "192.0.2.2:2")];
  pair.sort((a, b) => (signature(a) < signature(b) ? -1 : 1));
  const accepted = Array.from({ length: 8 }, (_, i) => accept(pair[i % 2]!));
  expect(accepted.filter((author) => author !== undefined).length).toBeLessThanOrEqual(2);
  expect(accepted.slice(2).every((author) => author === undefined)).toBe(true);
});

test("one author's flood of ever newer hints is kept and passed on ten times, then once in ten seconds", () => {
  const { accept, pass } = world();
  const flood = (from: number) =>
    Array.from({ length: 50 }, (_, i) => accept(hintOf(BigInt(from + i), "192.0.2.1:1"))).filter(Boolean).length;
  expect(flood(1)).toBe(10);
  pass(10_000);
  expect(flood(100)).toBe(1);
});

test("a hint that its author did not sign spends nothing of the author's budget", () => {
  const { accept } = world();
  for (let n = 1; n < 50; n++) {
    const forged = hintOf(BigInt(n), "192.0.2.1:1").slice();
    const at = Buffer.from(forged).indexOf('"signature":"') + 20;
    forged[at] = forged[at] === 65 ? 66 : 65;
    expect(accept(forged)).toBeUndefined();
  }
  expect(accept(hintOf(1n, "192.0.2.1:1"))).toBe(ALICE_KEY);
});

test("a hint about ourselves or somebody nobody asked about is dropped", () => {
  const { book, store } = world();
  expect(book.accept(hintOf(1n, "192.0.2.1:1", LOCAL), () => true)).toBeUndefined();
  expect(book.accept(hintOf(1n, "192.0.2.1:1"), () => false)).toBeUndefined();
  expect(store.hints.hints(ALICE_KEY)).toEqual([]);
});

test("new addresses that cannot be kept on a full disk are used all the same", () => {
  const { book, store } = world();
  store.setSetting = () => {
    throw new EntmootError("disk_full", "no room");
  };
  book.keepOwn();
  expect(book.own()).toEqual(["192.0.2.1:1"]);
});

test("addresses of a carrier that others are not told of are our own, and stand in nothing signed", () => {
  const { book } = world(["pilot:1", "192.0.2.1:1", "https://relay.example/"]);
  expect(book.own()).toEqual(["pilot:1", "192.0.2.1:1", "https://relay.example/"]);
  expect(book.told()).toEqual(["192.0.2.1:1", "https://relay.example/"]);
  const { addresses, relay } = decodePeerHint(book.ownSigned()!);
  expect([addresses, relay]).toEqual([["192.0.2.1:1"], "https://relay.example/"]);
  expect(world(["pilot:1"]).book.ownSigned()).toBeUndefined();
});
