import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import {
  bareBootstrapPeer,
  bootstrapNodeIds,
  createInvite,
  decodeInvite,
  formatInvite,
  INVITE_BYTES_MAX,
  inviteSigningForm,
  verifyInvite,
} from "../../../src/core/admission/invite.ts";
import { later, unixMs } from "../../../src/core/clock.ts";
import { GroupId, MerkleRoot, RosterEntryId } from "../../../src/core/ids.ts";
import { anyInvite } from "../../support/arbitraries.ts";
import { identity } from "../../support/identity.ts";

const NOW = unixMs(1_700_000_000_000);
const issuer = identity(1);
const fields = {
  merkle_root: MerkleRoot.zero,
  group_id: GroupId.fromBytes(new Uint8Array(32).fill(7)),
  founder: issuer.info,
  roster_head: RosterEntryId.zero,
  bootstrap_peers: [bareBootstrapPeer(5)],
  issued_at: BigInt(NOW),
  valid_until: BigInt(NOW + 1000),
  issuer: issuer.info,
};

describe("an invite", () => {
  test("holds to its last millisecond and not one longer", () => {
    const invite = createInvite(fields, issuer.seed);
    verifyInvite(invite, later(NOW, 1000));
    expect(() => verifyInvite(invite, later(NOW, 1001))).toThrow("entmoot: invite has expired");
  });

  test("without an expiry never expires", () => {
    for (const valid_until of [0n, -1n])
      verifyInvite(createInvite({ ...fields, valid_until }, issuer.seed), unixMs(NOW * 10));
  });

  test("that was changed is refused for its signature, even when it has also expired", () => {
    const invite = createInvite(fields, issuer.seed);
    const changed = [
      { ...invite, valid_until: 1n },
      { ...invite, group_id: GroupId.zero },
      { ...invite, bootstrap_peers: [] },
      { ...invite, bootstrap_peers: null },
      { ...invite, founder: identity(2).info },
      { ...invite, issuer: identity(2).info },
      { ...invite, signature: new Uint8Array(63) },
    ];
    for (const other of changed) expect(() => verifyInvite(other, unixMs(NOW * 10))).toThrow("signature invalid");
    for (const entmoot_pubkey of [null, new Uint8Array(0)]) {
      const keyless = { ...invite, issuer: { ...invite.issuer, entmoot_pubkey } };
      expect(() => verifyInvite(keyless, NOW)).toThrow("invite issuer has no pubkey");
    }
  });

  test("is not created with a key that is not its issuer's", () => {
    expect(() => createInvite(fields, identity(2).seed)).toThrow("not the issuer's");
  });

  test("is read back from the text it is printed as", () => {
    fc.assert(
      fc.property(anyInvite, (invite) => {
        expect(decodeInvite(formatInvite(invite))).toEqual(invite);
        expect(inviteSigningForm(decodeInvite(formatInvite(invite)))).toEqual(inviteSigningForm(invite));
      }),
    );
  });

  test("is refused without a Merkle root, and past a size", () => {
    expect(() => decodeInvite("{}")).toThrow("merkle_root");
    expect(() => decodeInvite(" ".repeat(INVITE_BYTES_MAX + 1))).toThrow("at most");
  });

  test("names founder and members as first contacts, without whom it is for", () => {
    const members = [9, 3, 1, 7, 5, 100];
    expect(bootstrapNodeIds({ asked: undefined, founder: 100, members, without: 100 })).toEqual([1, 3, 5, 7]);
    expect(bootstrapNodeIds({ asked: undefined, founder: 100, members, without: 3 })).toEqual([100, 1, 5, 7]);
    expect(bootstrapNodeIds({ asked: [4, 4, 6], founder: 100, members, without: 6 })).toEqual([4]);
    expect(bootstrapNodeIds({ asked: [], founder: 100, members, without: 6 })).toEqual([]);
  });
});
