import type { GroupId } from "../../core/ids.ts";
import { AD_SEQ_MAX } from "../../core/record/ad.ts";
import { decodeMemberProfileAd, memberProfileAdSigningForm } from "../../core/record/member-profile-ad.ts";
import type { MemberProfileAd, TransportAd } from "../../core/record/records.ts";
import { decodeTransportAd, transportAdSigningForm } from "../../core/record/transport-ad.ts";
import type { RosterLog } from "../../core/roster/roster-log.ts";
import { verifySignature } from "../../core/signature.ts";
import type { AdStore } from "../group-store.ts";
import type { OriginalDatabase } from "./original-database.ts";

/**
 * Takes over ads signed by members, expired ones too, that are newer than those held, and our own counters. Gives how
 * many ads no member signed.
 */
export function copyAds(
  database: OriginalDatabase,
  { groupId, roster, ads }: { groupId: GroupId; roster: RosterLog; ads: AdStore },
): number {
  const isMembers = (ad: TransportAd | MemberProfileAd, signingForm: Uint8Array) => {
    const member = roster.member(ad.author.pilot_node_id);
    if (!member || ad.group_id !== groupId || ad.seq > AD_SEQ_MAX) return false;
    return verifySignature(member.entmoot_pubkey, signingForm, ad.signature);
  };
  const [transport, profile] = [seqs(ads.transportAds()), seqs(ads.profileAds())];
  let left = 0;
  for (const bytes of bodies(database, "transport_ads")) {
    const ad = attempt(() => decodeTransportAd(bytes));
    if (!ad || !isMembers(ad, transportAdSigningForm(ad))) left += 1;
    else if (isNewer(ad, transport)) ads.putTransportAd(ad);
  }
  for (const bytes of bodies(database, "member_profile_ads")) {
    const ad = attempt(() => decodeMemberProfileAd(bytes));
    if (!ad || !isMembers(ad, memberProfileAdSigningForm(ad))) left += 1;
    else if (isNewer(ad, profile)) ads.putProfileAd(ad);
  }
  readCounter(database, "transport_ad_seqs", (seq) => ads.nextSeq("transport", seq));
  readCounter(database, "member_profile_ad_seqs", (seq) => ads.nextSeq("profile", seq));
  return left;
}

function seqs(held: readonly (TransportAd | MemberProfileAd)[]): ReadonlyMap<number, bigint> {
  return new Map(held.map(({ author, seq }) => [author.pilot_node_id, seq]));
}

function isNewer({ author, seq }: TransportAd | MemberProfileAd, held: ReadonlyMap<number, bigint>): boolean {
  const known = held.get(author.pilot_node_id);
  return known === undefined || seq > known;
}

function bodies(database: OriginalDatabase, table: string): Uint8Array[] {
  if (!database.has(table)) return [];
  return database
    .rows(`SELECT canonical FROM ${table}`)
    .map(([bytes]) => (bytes instanceof Uint8Array ? bytes : new Uint8Array(0)));
}

/** `take` is given one less than the counter, so that the counter is what it was. */
function readCounter(database: OriginalDatabase, table: string, use: (seq: bigint) => void): void {
  if (!database.has(table)) return;
  const greatest = database.rows(`SELECT CAST(max(seq) AS TEXT) FROM ${table} WHERE typeof(seq) = 'integer'`)[0]?.[0];
  if (typeof greatest === "string" && BigInt(greatest) > 0n) use(BigInt(greatest) - 1n);
}

function attempt<T>(decode: () => T): T | undefined {
  try {
    return decode();
  } catch {
    return undefined;
  }
}
