import { expect, test } from "bun:test";
import fc from "fast-check";
import { unixMs } from "../../../src/core/clock.ts";
import { GroupId } from "../../../src/core/ids.ts";
import {
  AD_SEQ_MAX,
  AD_USE_MAX_MS,
  type AdContext,
  type AdRejection,
  isAdListed,
  isAdUsable,
  isNewerAd,
} from "../../../src/core/record/ad.ts";
import { isEndpointValid, splitAddress } from "../../../src/core/record/endpoint.ts";
import {
  checkMemberProfileAd,
  isHostnameValid,
  isMemberProfileAdCurrent,
  memberProfileAdReplaces,
  signMemberProfileAd,
} from "../../../src/core/record/member-profile-ad.ts";
import type { MemberProfileAd, TransportAd } from "../../../src/core/record/records.ts";
import {
  checkTransportAd,
  signTransportAd,
  transportAdReplaces,
  transportAdSigningForm,
} from "../../../src/core/record/transport-ad.ts";
import { anyMemberProfileAd } from "../../support/arbitraries.ts";
import { identity } from "../../support/identity.ts";
import { GROUP } from "../../support/message.ts";

const NOW = unixMs(1_700_000_000_000);
const [local, alice, bob] = [identity(1), identity(2), identity(3)];

function context(fields: Partial<AdContext> = {}): AdContext {
  return {
    groupId: GROUP,
    localNodeId: local.nodeId,
    nowMs: NOW,
    isSenderTrusted: true,
    memberKey: (nodeId) => (nodeId === alice.nodeId ? alice.publicKey : undefined),
    charge: () => true,
    ...fields,
  };
}

function transport(fields: Partial<TransportAd> = {}): TransportAd {
  return signTransportAd({
    seed: alice.seed,
    group_id: GROUP,
    author: alice.info,
    seq: 1n,
    endpoints: [{ network: "tcp", addr: "192.0.2.10:4443" }],
    issued_at: BigInt(NOW),
    not_after: BigInt(NOW + 1),
    ...fields,
  });
}

function profile(fields: Partial<MemberProfileAd> = {}): MemberProfileAd {
  const { endpoints: _, ...ad } = transport();
  return signMemberProfileAd({ ...ad, seed: alice.seed, hostname: "laptop", ...fields });
}

const many = (count: number) => Array.from({ length: count }, () => ({ network: "tcp", addr: "h:1" }));

test("each check refuses a transport ad alone", () => {
  const refused: [AdRejection, TransportAd, Partial<AdContext>][] = [
    ["wrong_group", transport({ group_id: GroupId.zero }), {}],
    ["bad_times", transport({ issued_at: 0n }), {}],
    ["bad_times", transport({ not_after: BigInt(NOW) }), {}],
    ["bad_times", transport({ issued_at: BigInt(NOW + 9), not_after: BigInt(NOW + 9) }), {}],
    ["bad_seq", transport({ seq: 2n ** 63n }), {}],
    ["bad_body", transport({ endpoints: null }), {}],
    ["bad_body", transport({ endpoints: many(0) }), {}],
    ["bad_body", transport({ endpoints: many(5) }), {}],
    ["bad_body", transport({ endpoints: [{ network: "iroh", addr: "h:1" }] }), {}],
    ["own_ad", transport(), { localNodeId: alice.nodeId }],
    ["untrusted_sender", transport(), { isSenderTrusted: false }],
    ["not_member", transport({ author: bob.info }), {}],
    ["rate_limited", transport(), { charge: () => false }],
    ["bad_signature", { ...transport(), seq: 2n }, {}],
    ["bad_signature", { ...transport(), signature: new Uint8Array(0) }, {}],
    ["bad_signature", transport(), { memberKey: () => null }],
  ];
  for (const [rejection, ad, changes] of refused) expect(checkTransportAd(ad, context(changes))).toBe(rejection);
  expect(checkTransportAd(transport(), context())).toBeUndefined();
  expect(checkTransportAd(transport({ endpoints: many(4) }), context())).toBeUndefined();
  expect(
    checkTransportAd(transport({ issued_at: BigInt(NOW + 8), not_after: BigInt(NOW + 9) }), context()),
  ).toBeUndefined();
});

test("a sender pays only for ads that pass what is cheaper, and by the signed bytes", () => {
  const charged: number[] = [];
  const counting = context({ charge: (bytes) => charged.push(bytes) > 0 });
  checkTransportAd(transport({ author: bob.info }), counting);
  checkTransportAd(transport({ endpoints: null }), counting);
  expect(charged).toEqual([]);
  checkTransportAd(transport(), counting);
  expect(charged).toEqual([transportAdSigningForm(transport()).length]);
});

test("a signing form of 1024 bytes is the longest", () => {
  const sized = (addrBytes: number) =>
    transport({ endpoints: [{ network: "tcp", addr: `${"h".repeat(addrBytes)}:1` }] });
  const room = 1024 - transportAdSigningForm(sized(0)).length;
  expect(checkTransportAd(sized(room), context())).toBeUndefined();
  expect(checkTransportAd(sized(room + 1), context())).toBe("too_large");
});

test("a hostname has at most 255 bytes and no control character of ASCII", () => {
  expect([255, 256].map((length) => isHostnameValid("h".repeat(length)))).toEqual([true, false]);
  expect([127, 128].map((length) => isHostnameValid("é".repeat(length)))).toEqual([true, false]);
  expect(["", "a b", "\u0085", "😀"].map(isHostnameValid)).toEqual([true, true, true, true]);
  expect(["\t", "a\n", "\u0000", "\u007f"].map(isHostnameValid)).toEqual([false, false, false, false]);
  expect(checkMemberProfileAd(profile({ hostname: "a\u001b[2J" }), context())).toBe("bad_body");
  expect(checkMemberProfileAd(profile(), context())).toBeUndefined();
});

test("of any two ads at most one is newer than the other, and the newest wins in any order", () => {
  fc.assert(
    fc.property(fc.array(anyMemberProfileAd, { minLength: 1, maxLength: 6 }), fc.nat(), (ads, turn) => {
      const same = ads.map((ad, i) => ({ ...ad, seq: BigInt(i % 3), author: alice.info }));
      const last = (list: readonly MemberProfileAd[]) =>
        list.reduce<MemberProfileAd | undefined>((stored, ad) => (isNewerAd(ad, stored) ? ad : stored), undefined);
      const turned = [...same.slice(turn % same.length), ...same.slice(0, turn % same.length)];
      expect([last(turned)?.seq, last(turned)?.signature]).toEqual([last(same)?.seq, last(same)?.signature]);
      for (const a of same) for (const b of same) expect(isNewerAd(a, b) && isNewerAd(b, a)).toBe(false);
    }),
  );
});

test("a sequence number that would lock its author out is never stored", () => {
  expect(isNewerAd(transport({ seq: AD_SEQ_MAX }), undefined)).toBe(true);
  expect(isNewerAd(transport({ seq: AD_SEQ_MAX + 1n }), undefined)).toBe(false);
  expect(memberProfileAdReplaces(profile({ seq: 2n ** 64n - 1n, author: bob.info }), profile())).toBe(false);
});

test("an author with a new key is not held back by the ads of the old one", () => {
  const rekeyed = { pilot_node_id: alice.nodeId, entmoot_pubkey: bob.publicKey };
  expect(memberProfileAdReplaces(profile({ author: rekeyed }), profile({ seq: 9n }))).toBe(true);
  const [old, fresh] = [transport({ seq: 9n }), transport({ author: rekeyed })];
  expect(transportAdReplaces(fresh, old)).toBe(false);
  expect(transportAdReplaces(fresh, old, bob.publicKey)).toBe(true);
  expect(transportAdReplaces(fresh, old, alice.publicKey)).toBe(false);
  expect(transportAdReplaces(old, fresh, bob.publicKey)).toBe(true);
  expect(transportAdReplaces(fresh, { ...fresh, seq: 9n }, bob.publicKey)).toBe(false);
});

test("a profile is shown only under the key its author has now", () => {
  expect(isMemberProfileAdCurrent(profile(), alice.info)).toBe(true);
  expect(isMemberProfileAdCurrent(profile(), { ...alice.info, entmoot_pubkey: bob.publicKey })).toBe(false);
  expect(isMemberProfileAdCurrent(profile(), undefined)).toBe(false);
});

test("an ad is listed through its last millisecond and used for eight days at most", () => {
  const ad = { not_after: BigInt(NOW) };
  expect([NOW, NOW + 1].map((nowMs) => isAdListed(ad, unixMs(nowMs)))).toEqual([true, false]);
  const usable = (issued: number, not_after: bigint) => isAdUsable({ issued_at: BigInt(issued), not_after }, NOW);
  expect([usable(NOW, BigInt(NOW)), usable(NOW, BigInt(NOW - 1))]).toEqual([true, false]);
  const forEver = 2n ** 63n - 1n;
  const issued = [NOW - AD_USE_MAX_MS, NOW - AD_USE_MAX_MS - 1, NOW + AD_USE_MAX_MS, NOW + AD_USE_MAX_MS + 1];
  expect(issued.map((at) => usable(at, forEver))).toEqual([true, false, true, false]);
});

test("an address splits at its last colon, IPv6 in brackets", () => {
  expect(splitAddress("[::1]:80")).toEqual({ host: "::1", port: 80 });
  expect(splitAddress("h:+080")).toEqual({ host: "h", port: 80 });
  for (const addr of [
    "h",
    ":80",
    "::1:80",
    "[::1]",
    "[]:80",
    "[[::1]]:80",
    "h:0",
    "h:65536",
    "h:80 ",
    "h:0x50",
    "h:1e3",
  ]) {
    expect(splitAddress(addr)).toBeUndefined();
  }
  expect(isEndpointValid({ network: "TCP", addr: "h:80" })).toBe(false);
});
