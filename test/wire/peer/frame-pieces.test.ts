import { describe, expect, test } from "bun:test";
import { MessageId, RosterEntryId } from "../../../src/core/ids.ts";
import { encodeFrame, type Frame } from "../../../src/wire/peer/frame.ts";
import {
  framePieces,
  PIECE_BYTES,
  type PiecedFrame,
  pieced,
  rangeRespPieces,
  rosterPagePieces,
  rosterRespPieces,
  writeRoster,
} from "../../../src/wire/peer/frame-pieces.ts";
import { idPage } from "../../../src/wire/peer/id-page.ts";
import { writeRosterPage } from "../../../src/wire/peer/roster-page-frames.ts";
import { identity } from "../../support/identity.ts";
import { lastOf } from "../../support/last-of.ts";
import { GROUP } from "../../support/message.ts";
import { roster } from "../../support/roster.ts";

const idsOf = (count: number) =>
  Array.from({ length: count }, (_, n) => MessageId.fromBytes(new Uint8Array(32).fill(n + (n >> 8) * 7)));

function piecesOf(frame: PiecedFrame): Uint8Array[] {
  return [...framePieces(frame, "entmoot/1")];
}

/** In pieces no larger than they may be, and the same bytes as all at once. */
function expectSame(made: PiecedFrame, frame: Frame): void {
  const pieces = piecesOf(made);
  expect(pieces.slice(0, -1).every(({ length }) => length === PIECE_BYTES)).toBeTrue();
  expect(pieces.at(-1)!.length).toBeLessThanOrEqual(PIECE_BYTES);
  expect(Buffer.concat(pieces).equals(encodeFrame(frame, "entmoot/1"))).toBeTrue();
}

describe("a frame made in pieces has the bytes of one made at once:", () => {
  test.each([0, 1, 2, 1_394, 1_395, 10_000])("a range of %d ids", (count) => {
    const ids = idsOf(count);
    expectSame(rangeRespPieces(GROUP, idPage(ids)), { kind: "range_resp", group_id: GROUP, ids });
  });

  test.each([1, 2, 128, 129, 400])("a roster of %d entries", (count) => {
    const [first, ...rest] = Array.from({ length: count }, (_, n) => identity(n + 1));
    const { entries } = roster([first!, ...rest]);
    expectSame(rosterRespPieces(GROUP, lastOf(writeRoster(entries))), {
      kind: "roster_resp",
      group_id: GROUP,
      entries,
    });
  });

  test.each([1, 2, 300])("a page of a roster of %d entries", (count) => {
    const [first, ...rest] = Array.from({ length: count }, (_, n) => identity(n + 1));
    const { entries } = roster([first!, ...rest]);
    for (const after of [RosterEntryId.zero, entries[0]!.id]) {
      const request = { kind: "roster_page_req", group_id: GROUP, after } as const;
      const page = lastOf(writeRosterPage(request, entries, 'named "entries":[] <'))!;
      expectSame(rosterPagePieces(page), page.frame);
    }
  });

  test("any other frame", () => {
    for (const length of [1, PIECE_BYTES - 42, PIECE_BYTES - 41, PIECE_BYTES - 40, 300_000]) {
      const frame: Frame = { kind: "push", group_id: GROUP, bodies: [new Uint8Array(length).fill(7)] };
      expectSame(pieced(frame), frame);
    }
  });
});

test("a piece is made when the one before is taken, not earlier", () => {
  let made = 0;
  const body = (function* () {
    for (; made < 100; made += 1) yield new Uint8Array(PIECE_BYTES);
  })();
  const pieces = framePieces({ kind: "range_resp", bodyLength: 100 * PIECE_BYTES, body }, "pilot")[Symbol.iterator]();
  pieces.next();
  expect(made).toBe(0);
  pieces.next();
  expect(made).toBe(1);
});

test("what the dialect cannot say, or no frame holds, is told before the first piece", () => {
  const ids = { kind: "ids_resp", group_id: GROUP, ids: new Uint8Array(32), next: undefined } as const;
  expect(() => framePieces(pieced(ids), "pilot")).toThrow("extension");
  const large = { kind: "ids_resp", bodyLength: 1024 * 1024, body: [] } as const;
  expect(() => framePieces(large, "entmoot/1")).toThrow("at most 1048576");
  expect(() => rangeRespPieces(GROUP, new Uint8Array(32 * 356_961))).toThrow("at most 356960");
});
