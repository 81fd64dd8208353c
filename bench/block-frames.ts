import { encodeUtf8 } from "../src/core/bytes/utf8.ts";
import { MessageId, RosterEntryId } from "../src/core/ids.ts";
import { messageCanonical } from "../src/core/record/message.ts";
import type { RosterEntry } from "../src/core/record/records.ts";
import { encodeFrame, type Frame, frameType } from "../src/wire/peer/frame.ts";
import { LARGE_MOOT } from "../test/support/large-moot.ts";
import { message } from "../test/support/message.ts";
import { ALICE } from "../test/support/raw-member.ts";
import { statusQuestion } from "../test/support/status-question.ts";

const group_id = LARGE_MOOT;
const MIB = 1024 * 1024;
/** What a frame of a member has beside its body. */
const HEAD = 5;

let said = 0;

/** Messages nobody has heard yet. */
function fresh(count: number, content: number): Uint8Array[] {
  return Array.from({ length: count }, () =>
    messageCanonical(
      message({
        by: ALICE,
        group_id,
        timestamp: BigInt(Date.now() - 10_000_000 + said++),
        content: new Uint8Array(content),
      }),
    ),
  );
}

function raw(kind: Frame["kind"], body: Uint8Array): Uint8Array {
  const frame = new Uint8Array(HEAD + body.length);
  new DataView(frame.buffer).setUint32(0, body.length + 1);
  frame[4] = frameType(kind);
  frame.set(body, HEAD);
  return frame;
}

/** `before`, as many `piece`s as make `bytes`, `after`. */
function body(before: string, piece: string, after: string, bytes: number): Uint8Array {
  const count = Math.floor((bytes - before.length - after.length) / piece.length);
  return encodeUtf8(before + piece.repeat(count) + after);
}

/** One object of a hundred thousand keys a mebibyte. */
function keyed(bytes: number): string {
  return `{${Array.from({ length: Math.floor(bytes / 10) }, (_, i) => `"${(i * 7919) % 99991}":0`).join(",")}}`;
}

const ids = (count: number) =>
  Array.from({ length: count }, (_, n) => MessageId.fromHex(n.toString(16).padStart(64, "0")));

const say = (frame: Frame) => () => encodeFrame(frame, "entmoot/1");

/** What a member sends unasked, each as large as it may be, and questions whose answers are. `log`: the roster of the node. */
export function memberFrames(log: readonly RosterEntry[]): Readonly<Record<string, () => Uint8Array>> {
  const id = RosterEntryId.fromHex("03".repeat(32));
  const next = { ...log.at(-1)!, id, parents: [log.at(-1)!.id] };
  return {
    "a roster of entries it has": say({ kind: "roster_resp", group_id, entries: log.slice(0, 2_300) }),
    "a roster told again and again": () => raw("roster_resp", body('{"entries":[{}]', ',"entries":[{}]', "}", MIB - 1)),
    "a roster of a key for each ten bytes": () => raw("roster_resp", encodeUtf8(`{"a":${keyed(MIB - 8)}}`)),
    "an entry with a policy of as many keys": say({
      kind: "roster_resp",
      group_id,
      entries: [{ ...next, policy: keyed(MIB - 1_000) }],
    }),
    "forks that it has": say({
      kind: "roster_forks_resp",
      group_id,
      entries: log.slice(0, 2_048),
      heals: [],
      last: true,
    }),
    "an announcement of 256 KiB": () => raw("gossip", body('{"body":"', "QUJD", '"}', MIB / 4 - 1)),
    "4,096 ids": say({ kind: "ihave", group_id, ids: ids(4_096) }),
    "a graft of 4,096 ids": say({ kind: "graft", group_id, ids: ids(4_096) }),
    "1,024 new messages": () => encodeFrame({ kind: "push", group_id, bodies: fresh(1_024, 100) }, "entmoot/1"),
    "a message of a megabyte": () => encodeFrame({ kind: "push", group_id, bodies: fresh(1, 740_000) }, "entmoot/1"),
    "1,024 bodies that are none": say({
      kind: "push",
      group_id,
      bodies: new Array<Uint8Array>(1_024).fill(encodeUtf8(keyed(1_000))),
    }),
    "a question for all ids": say({ kind: "range_req", group_id, since_millis: 0n }),
    "a question for a page of ids": say({ kind: "ids_req", group_id, limit: 16_384, after: undefined }),
    "a question for the roster": say({ kind: "roster_req", group_id, since_head: undefined }),
    "a question for a page of it": say({ kind: "roster_page_req", group_id, after: RosterEntryId.zero }),
    "a question for 1,024 bodies": say({ kind: "fetch_many_req", group_id, ids: ids(1_024) }),
    "a comparison": say(statusQuestion(group_id)),
  };
}

/** What a stranger sends. */
export const STRANGER_FRAMES: Readonly<Record<string, () => Uint8Array>> = {
  "48 KiB of broken text": () => raw("roster_resp", new Uint8Array(48 * 1024 - 1).fill(0xff)),
  "48 KiB of keys": () => raw("roster_resp", encodeUtf8(keyed(48 * 1024 - 1))),
};

const ANSWER = MIB - 1;

/** Answers of the greatest size, as they are read. */
export const ANSWERS: Readonly<Record<string, readonly [Frame["kind"], () => Uint8Array]>> = {
  "a roster told again and again": ["roster_resp", () => body('{"entries":[{}]', ',"entries":[{}]', "}", ANSWER)],
  "hints told again and again": ["transport_snapshot_resp", () => body('{"ads":[{}]', ',"ads":[{}]', "}", ANSWER)],
  "ids told again and again": ["range_resp", () => body('{"ids":[]', ',"ids":[]', "}", ANSWER)],
  "hints of empty endpoints": [
    "transport_snapshot_resp",
    () => body('{"ads":[{"endpoints":[{}', ",{}", "]}]}", ANSWER),
  ],
  "hints of one key each": ["transport_snapshot_resp", () => body('{"ads":[{}', ',{"endpoints":[{}]}', "]}", ANSWER)],
  "a message of bytes in a list": ["fetch_resp", () => body('{"message":{"content":[1', ",1", "]}}", ANSWER)],
  "a message of topics": ["fetch_resp", () => body('{"message":{"topics":["a"', ',""', "]}}", ANSWER)],
  "a message of escapes": ["fetch_resp", () => body('{"message":{"topics":["a"', ',"\\n"', "]}}", ANSWER)],
  "an object of two hundred thousand keys": ["roster_resp", () => encodeUtf8(`{"a":${keyed(ANSWER - 8)}}`)],
};
