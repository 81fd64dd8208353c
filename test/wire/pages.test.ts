import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { GroupId, MessageId, RosterEntryId } from "../../src/core/ids.ts";
import type { RosterEntry } from "../../src/core/record/records.ts";
import { decodeFrame, encodeFrame } from "../../src/wire/peer/frame.ts";
import { idPage, pageIds } from "../../src/wire/peer/id-page.ts";
import { IDS_PAGE_MAX, idsPage } from "../../src/wire/peer/ids-frames.ts";
import { writeRosterPage } from "../../src/wire/peer/roster-page-frames.ts";
import { lastOf } from "../support/last-of.ts";
import { refusalOf } from "./refusal.ts";

const group_id = GroupId.fromHex("33".repeat(32));
const rosterPage = (...args: Parameters<typeof writeRosterPage>) => lastOf(writeRosterPage(...args))?.frame;
const ids = (count: number) =>
  Array.from({ length: count }, (_, i) => MessageId.fromHex((i + 1).toString(16).padStart(64, "0")));
const response = (more: boolean, page: Uint8Array) =>
  Uint8Array.of(...GroupId.toBytes(group_id), ...(more ? [1, ...new Uint8Array(12).fill(255)] : [0]), ...page);

describe("a page of ids", () => {
  test("is its ids and back", () => {
    const id = fc.uint8Array({ minLength: 32, maxLength: 32 }).map((bytes) => MessageId.fromBytes(bytes));
    fc.assert(fc.property(fc.array(id), (all) => expect(pageIds(idPage(all))).toEqual(all)));
  });

  test("names the place of its last id when more follow", () => {
    const place = (n: number) => ({ timestamp: BigInt(-n), author_node_id: n, id: ids(3)[n]! });
    const places = [place(2), place(1), place(0)];
    expect(idsPage(places, 3)).toEqual({ ids: idPage(places.map(({ id }) => id)), next: undefined });
    expect(idsPage(places, 2)).toEqual({ ids: idPage([places[0]!.id, places[1]!.id]), next: place(1) });
    const [a, b] = [idsPage(places, 2), idsPage(places, 1)];
    expect(refusalOf(() => encodeFrame({ kind: "ids_resp", group_id, ids: a.ids, next: b.next }, "entmoot/1"))).toBe(
      "invalid_argument",
    );
  });

  test("is refused when cut, too long or empty with more to come", () => {
    const [a, b] = ids(2);
    const bad = {
      cut: response(false, idPage([a!, b!]).subarray(0, 63)),
      "cut within the place": response(true, new Uint8Array(0)).subarray(0, -1),
      "empty with more to come": response(true, new Uint8Array(0)),
      "a flag of 2": Uint8Array.of(...GroupId.toBytes(group_id), 2, ...idPage([a!])),
      "too long": response(true, idPage(ids(IDS_PAGE_MAX + 1))),
    };
    for (const body of Object.values(bad)) {
      expect(refusalOf(() => decodeFrame(0x87, body, "entmoot/1"))).toBe("malformed_frame");
    }
    expect(refusalOf(() => decodeFrame(0x87, response(true, idPage(ids(IDS_PAGE_MAX))), "entmoot/1"))).toBeUndefined();
  });

  test("is asked for with a limit from 1 to 16,384", () => {
    const ask = (limit: number) => encodeFrame({ kind: "ids_req", group_id, limit, after: undefined }, "entmoot/1");
    for (const limit of [0, IDS_PAGE_MAX + 1, 1.5, -1, 2 ** 32])
      expect(refusalOf(() => ask(limit))).toBe("invalid_argument");
    const body = ask(1).slice(5);
    new DataView(body.buffer).setUint32(32, IDS_PAGE_MAX + 1);
    expect(refusalOf(() => decodeFrame(0x86, body, "entmoot/1"))).toBe("malformed_frame");
    for (const rest of [1, 43, 45]) {
      const cut = Uint8Array.of(...ask(1).slice(5, -1), 1, ...new Uint8Array(rest));
      expect(refusalOf(() => decodeFrame(0x86, cut, "entmoot/1"))).toBe("malformed_frame");
    }
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
      const answer = rosterPage({ kind: "roster_page_req", group_id, after }, log, "council")!;
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
    const page = (after: RosterEntryId) => rosterPage({ kind: "roster_page_req", group_id, after }, log, "council");
    expect(page(log[1]!.id)).toMatchObject({ entries: [], last: true });
    expect(page(log[0]!.id)).toMatchObject({ entries: [log[1]], last: true });
    expect(page(entry(7).id)).toBeUndefined();
    expect(rosterPage({ kind: "roster_page_req", group_id, after: RosterEntryId.zero }, [], "council")).toMatchObject({
      entries: [],
      last: true,
    });
  });

  test("stops before what does not fit, and says so when one entry never does", () => {
    const large = JSON.stringify("p".repeat(600_000));
    const log = [entry(0, large), entry(1, large)];
    const first = rosterPage({ kind: "roster_page_req", group_id, after: RosterEntryId.zero }, log, "council")!;
    expect([first.entries.length, first.last]).toEqual([1, false]);
    const huge = [entry(0, JSON.stringify("p".repeat(1_100_000))), entry(1)];
    const ask = () => rosterPage({ kind: "roster_page_req", group_id, after: RosterEntryId.zero }, huge, "council");
    expect(refusalOf(ask)).toBe("frame_too_large");
  });
});
