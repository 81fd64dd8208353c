import { describe, expect, test } from "bun:test";
import { decodeUtf8, encodeUtf8 } from "../../../src/core/bytes/utf8.ts";
import { later, unixMs } from "../../../src/core/clock.ts";
import { PublicKey } from "../../../src/core/ids.ts";
import {
  buildPeerHint,
  decodePeerHint,
  dialHints,
  encodePeerHint,
  PEER_HINT_AHEAD_MAX_MS,
  PEER_HINT_BYTES_MAX,
  PEER_HINT_TTL_MAX_MS,
  type PeerHint,
  supersedes,
  verifyPeerHint,
} from "../../../src/core/record/peer-hint.ts";
import { identity } from "../../support/identity.ts";

const NOW = unixMs(1_700_000_000_000);
const author = identity(1);
const fields = {
  seq: 1n,
  relay: "https://relay.example/",
  addresses: ["192.0.2.1:4433", "[2001:db8::1]:4433"],
  issued_at: BigInt(NOW),
  not_after: BigInt(NOW + PEER_HINT_TTL_MAX_MS),
};

describe("a peer hint", () => {
  test("is read back and verified as built, and gives what to dial", () => {
    const hint = decodePeerHint(encodePeerHint(buildPeerHint(fields, author.seed)));
    verifyPeerHint(hint, NOW);
    expect(hint).toMatchObject({ ...fields, author: PublicKey.fromBytes(author.publicKey) });
    expect(dialHints(hint)).toEqual(["192.0.2.1:4433", "[2001:db8::1]:4433", "https://relay.example/"]);
    expect(dialHints({ ...hint, relay: "" })).toEqual(["192.0.2.1:4433", "[2001:db8::1]:4433"]);
  });

  test("is bytes in one form only", () => {
    const text = decodeUtf8(encodePeerHint(buildPeerHint(fields, author.seed)));
    for (const other of [`${text} `, text.replace('"seq":1', '"seq":1,"seq":1'), text.replace("{", '{"extra":1,')]) {
      expect(() => decodePeerHint(encodeUtf8(other))).toThrow("peer hint");
    }
    expect(() => decodePeerHint(new Uint8Array(PEER_HINT_BYTES_MAX + 1))).toThrow("at most");
  });

  test.each([
    ["no place at all", { relay: "", addresses: [] }],
    ["nine addresses", { addresses: Array.from({ length: 9 }, (_, i) => `192.0.2.${i}:1`) }],
    ["a name for an address", { addresses: ["host.example:1"] }],
    ["a relay among the addresses", { addresses: ["https://relay.example/"] }],
    ["an address for a relay", { relay: "192.0.2.1:1" }],
    ["a sequence of 0", { seq: 0n }],
    ["a sequence of 2^63", { seq: 2n ** 63n }],
    ["an end before its beginning", { not_after: BigInt(NOW) }],
    ["more than eight days", { not_after: BigInt(NOW + PEER_HINT_TTL_MAX_MS + 1) }],
  ])("with %s is not built", (_what, change) => {
    expect(() => buildPeerHint({ ...fields, ...change }, author.seed)).toThrow();
  });

  test("is refused when expired, from the future, or changed", () => {
    const hint = buildPeerHint(fields, author.seed);
    verifyPeerHint(hint, later(NOW, PEER_HINT_TTL_MAX_MS));
    verifyPeerHint(hint, later(NOW, -PEER_HINT_AHEAD_MAX_MS));
    expect(() => verifyPeerHint(hint, unixMs(NOW + PEER_HINT_TTL_MAX_MS + 1))).toThrow("expired");
    expect(() => verifyPeerHint(hint, unixMs(NOW - PEER_HINT_AHEAD_MAX_MS - 1))).toThrow("future");
    const changed: PeerHint[] = [
      { ...hint, seq: 2n },
      { ...hint, relay: "" },
      { ...hint, addresses: [] },
      { ...hint, author: PublicKey.fromBytes(identity(2).publicKey) },
      { ...hint, signature: new Uint8Array(64) },
    ];
    for (const other of changed) expect(() => verifyPeerHint(other, NOW)).toThrow("signature");
  });

  test("gives way to a later one, and at equal sequences to the greater signature", () => {
    const first = buildPeerHint(fields, author.seed);
    const later = buildPeerHint({ ...fields, seq: 2n }, author.seed);
    const twin = buildPeerHint({ ...fields, relay: "" }, author.seed);
    expect(supersedes(first, undefined)).toBe(true);
    expect(supersedes(later, first)).toBe(true);
    expect(supersedes(first, later)).toBe(false);
    expect(supersedes(first, first)).toBe(false);
    expect(supersedes(first, twin)).not.toBe(supersedes(twin, first));
  });
});
