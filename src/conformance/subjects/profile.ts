import { unixMs } from "../../core/clock.ts";
import { encodeWire } from "../../core/json/json-codec.ts";
import { listAds } from "../../core/record/ad.ts";
import {
  checkMemberProfileAd,
  decodeMemberProfileAd,
  memberProfileAdReplaces,
  memberProfileAdSigningForm,
  signMemberProfileAd,
} from "../../core/record/member-profile-ad.ts";
import { memberProfileAd as codec } from "../../core/record/record-codecs.ts";
import type { MemberProfileAd } from "../../core/record/records.ts";
import { adContext } from "../ad-context.ts";
import { booleanField, hexField, listField, numberField, objectListField, textField } from "../fields.ts";
import { expectEqual, type Subject, type VectorCase } from "../subject.ts";

export const subject: Subject = {
  kinds: { build: checkBuild, ingest: checkIngest, lww: checkLastWriterWins, listing: checkListing },
};

function checkBuild(vector: VectorCase): void {
  const wire = hexField(vector, "wire");
  const ad = decodeMemberProfileAd(wire);
  expectEqual(memberProfileAdSigningForm(ad), hexField(vector, "signing"));
  const signed = signMemberProfileAd({ ...ad, seed: hexField(vector, "seed") });
  expectEqual(signed.signature, hexField(vector, "signature"));
  if (vector.wire_informative !== true) expectEqual(encodeWire(codec, signed), wire);
}

function checkIngest(vector: VectorCase): void {
  const ad = decodeMemberProfileAd(hexField(vector, "wire"));
  expectEqual(memberProfileAdSigningForm(ad).length, numberField(vector, "signing_len"));
  expectEqual(checkMemberProfileAd(ad, adContext(vector)) === undefined, booleanField(vector, "accepted"));
}

function checkLastWriterWins(vector: VectorCase): void {
  let stored: MemberProfileAd | undefined;
  for (const [at, step] of objectListField(vector, "steps").entries()) {
    const ad = decodeMemberProfileAd(hexField(step, "wire"));
    const replaced = memberProfileAdReplaces(ad, stored);
    if (replaced) stored = ad;
    expectEqual(
      {
        at,
        replaced,
        error: false,
        hostname: stored?.hostname,
        seq: `${stored?.seq}`,
        signature: stored?.signature.toHex(),
      },
      {
        at,
        replaced: booleanField(step, "replaced"),
        error: booleanField(step, "error"),
        hostname: textField(step, "stored_hostname"),
        seq: textField(step, "stored_seq"),
        signature: textField(step, "stored_signature"),
      },
    );
  }
}

function checkListing(vector: VectorCase): void {
  const stored = objectListField(vector, "stored").map((ad) => ({
    ...codec.zero(),
    author: { pilot_node_id: numberField(ad, "node"), entmoot_pubkey: null },
    not_after: BigInt(numberField(ad, "not_after")),
  }));
  expectEqual(
    listAds(stored, unixMs(numberField(vector, "now_ms"))).map((ad) => ad.author.pilot_node_id),
    listField(vector, "listed"),
  );
}
