import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { GroupId, MessageId, RosterEntryId } from "../../src/core/ids.ts";
import type { RosterEntry } from "../../src/core/records.ts";
import { decodeFrame, encodeFrame } from "../../src/wire/frame.ts";
import { idPage, isAscending, pageIds } from "../../src/wire/id-page.ts";
import { IDS_PAGE_MAX } from "../../src/wire/ids-frames.ts";
import { answerRosterPage } from "../../src/wire/roster-page-frames.ts";
import { refusalOf } from "./refusal.ts";

const group_id = GroupId.fromHex("33".repeat(32));
const ids = (count: number) =>
  Array.from({ length: count }, (_, i) => MessageId.fromHex((i + 1).toString(16).padStart(64, "0")));
const response = (last: boolean, page: Uint8Array) =>
  Uint8Array.of(...GroupId.toBytes(group_id), last ? 1 : 0, ...page);

describe("a page of ids", () => {
  test("is its ids and back", () => {
    const id = fc.uint8Array({ minLength: 32, maxLength: 32 }).map((bytes) => MessageId.fromBytes(bytes));
    fc.assert(fc.property(fc.array(id), (all) => expect(pageIds(idPage(all))).toEqual(all)));
  });

  test("is ascending exactly when its ids are, each greater than the one before", () => {
    const id = fc.tuple(fc.nat(2), fc.nat(2)).map(([a, b]) => MessageId.fromHex(`0${a}${"0".repeat(60)}0${b}`));
    fc.assert(
      fc.property(fc.array(id, { maxLength: 4 }), (all) => {
        expect(isAscending(idPage(all))).toBe(all.every((each, i) => i === 0 || each > all[i - 1]!));
      }),
    );
  });

  test("is refused when out of order, repeated, cut, too long or empty with more to come", () => {
    const [a, b] = ids(2);
    const bad = {
      "out of order": response(true, idPage([b!, a!])),
      repeated: response(true, idPage([a!, a!])),
      cut: response(true, idPage([a!, b!]).subarray(0, 63)),
      "empty with more to come": response(false, new Uint8Array(0)),
      "a flag of 2": Uint8Array.of(...GroupId.toBytes(group_id), 2, ...idPage([a!])),
      "too long": response(true, idPage(ids(IDS_PAGE_MAX + 1))),
    };
    for (const body of Object.values(bad)) {
      expect(refusalOf(() => decodeFrame(0x87, body, "entmoot/1"))).toBe("malformed_frame");
    }
    expect(refusalOf(() => decodeFrame(0x87, response(false, idPage(ids(IDS_PAGE_MAX))), "entmoot/1"))).toBeUndefined();
    expect(
      refusalOf(() => encodeFrame({ kind: "ids_resp", group_id, last: true, ids: idPage([b!, a!]) }, "entmoot/1")),
    ).toBe("invalid_argument");
  });

  test("is asked for with a limit from 1 to 16,384", () => {
    const ask = (limit: number) =>
      encodeFrame({ kind: "ids_req", group_id, lo: MessageId.zero, hi: MessageId.zero, limit }, "entmoot/1");
    for (const limit of [0, IDS_PAGE_MAX + 1, 1.5, -1, 2 ** 32])
      expect(refusalOf(() => ask(limit))).toBe("invalid_argument");
    const body = ask(1).slice(5);
    new DataView(body.buffer).setUint32(96, IDS_PAGE_MAX + 1);
    expect(refusalOf(() => decodeFrame(0x86, body, "entmoot/1"))).toBe("malformed_frame");
  });
});

describe("a page of the roster", () => {
  const entry = (n: number, policy?: string): RosterEntry => ({
    id: RosterEntryId.fromHex((n + 1).toString(16).padStart(64, "0")),
    op: "add",
    subject: { pilot_node_id: n, entmoot_pubkey: new Uint8Array(32) },
    policy,
    actor: 1,
    timestamp: BigInt(n),
    parents: [],
    signature: new Uint8Array(64),
  });

  test("after page of it is the whole log", () => {
    const log = Array.from({ length: 6000 }, (_, n) => entry(n));
    const read: RosterEntry[] = [];
    let after = RosterEntryId.zero;
    for (let pages = 0; ; pages++) {
      expect(pages).toBeLessThan(6);
      const answer = answerRosterPage({ kind: "roster_page_req", group_id, after }, log)!;
      const bytes = encodeFrame(answer, "entmoot/1");
      const decoded = decodeFrame(bytes[4]!, bytes.subarray(5), "entmoot/1");
      if (decoded.kind !== "roster_page_resp") throw new Error("another frame");
      read.push(...decoded.entries);
      if (decoded.last) break;
      after = read.at(-1)!.id;
    }
    expect(read).toEqual(log);
  });

  test("is empty for who is up to date, and unknown for who holds another log", () => {
    const log = [entry(0), entry(1)];
    const page = (after: RosterEntryId) => answerRosterPage({ kind: "roster_page_req", group_id, after }, log);
    expect(page(log[1]!.id)).toMatchObject({ entries: [], last: true });
    expect(page(log[0]!.id)).toMatchObject({ entries: [log[1]], last: true });
    expect(page(entry(7).id)).toBeUndefined();
    expect(answerRosterPage({ kind: "roster_page_req", group_id, after: RosterEntryId.zero }, [])).toMatchObject({
      entries: [],
      last: true,
    });
  });

  test("stops before what does not fit, and says so when one entry never does", () => {
    const large = JSON.stringify("p".repeat(600_000));
    const log = [entry(0, large), entry(1, large)];
    const first = answerRosterPage({ kind: "roster_page_req", group_id, after: RosterEntryId.zero }, log)!;
    expect([first.entries.length, first.last]).toEqual([1, false]);
    const huge = [entry(0, JSON.stringify("p".repeat(1_100_000))), entry(1)];
    const ask = () => answerRosterPage({ kind: "roster_page_req", group_id, after: RosterEntryId.zero }, huge);
    expect(refusalOf(ask)).toBe("frame_too_large");
  });
});
