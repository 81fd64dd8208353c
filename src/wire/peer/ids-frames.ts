import { EntmootError } from "../../core/errors.ts";
import { GroupId, MessageId } from "../../core/ids.ts";
import type { TimePlace } from "../../core/order/time-place.ts";
import { ByteCursor, i64Bytes, u32Bytes } from "../frame/byte-cursor.ts";
import type { FrameBody } from "../frame/frame-body.ts";
import { type IdPage, idPage } from "./id-page.ts";

/** Ours. Half a mebibyte of ids: a page stays well inside a frame of 1 MiB. */
export const IDS_PAGE_MAX = 16_384;

// Binary bodies have no codec that says their fields, so these two frames say them here.

/** Asks for the ids held after a place in time order, earliest first. */
export interface IdsReq {
  readonly kind: "ids_req";
  readonly group_id: GroupId;
  /** 1 to 16,384. */
  readonly limit: number;
  /** The `next` of the page before; `undefined` for the first page. */
  readonly after: TimePlace | undefined;
}

/**
 * One page of ids, in time order as far as its sender is honest: whoever asks can check that when the messages come.
 * So a newcomer stores history as it was made: parents first, and at the end of every index by time.
 */
export interface IdsResp {
  readonly kind: "ids_resp";
  readonly group_id: GroupId;
  /** At most 16,384. */
  readonly ids: IdPage;
  /** The place of the last id; `undefined` when none follows it. */
  readonly next: TimePlace | undefined;
}

export const idsReqBody: FrameBody<IdsReq> = {
  decode(body) {
    const cursor = new ByteCursor(body, "ids_req");
    const group_id = GroupId.fromBytes(cursor.read(32, "group id"));
    const limit = cursor.u32("limit");
    if (limit < 1 || limit > IDS_PAGE_MAX) cursor.fail(`a limit from 1 to ${IDS_PAGE_MAX}`, `${limit}`);
    const after = readFlag(cursor) ? readPlace(cursor, () => cursor.read(32, "id")) : undefined;
    cursor.end();
    return { kind: "ids_req", group_id, limit, after };
  },
  encode({ group_id, limit, after }) {
    if (!Number.isInteger(limit) || limit < 1 || limit > IDS_PAGE_MAX) {
      throw new EntmootError("invalid_argument", `ids_req: expected a limit from 1 to ${IDS_PAGE_MAX}, got ${limit}`);
    }
    const place = after === undefined ? [NO] : [YES, ...placeBytes(after), MessageId.toBytes(after.id)];
    return [GroupId.toBytes(group_id), u32Bytes(limit), ...place];
  },
};

export const idsRespBody: FrameBody<IdsResp> = {
  decode(body) {
    const cursor = new ByteCursor(body, "ids_resp");
    const group_id = GroupId.fromBytes(cursor.read(32, "group id"));
    const next = readFlag(cursor) ? readPlace(cursor, () => body.subarray(-32)) : undefined;
    const ids = cursor.rest();
    const fault = pageFault(ids, next !== undefined);
    if (fault !== undefined) cursor.fail(fault, `${ids.length} bytes`);
    return { kind: "ids_resp", group_id, ids, next };
  },
  encode({ group_id, ids, next }) {
    const fault = pageFault(ids, next !== undefined);
    if (fault !== undefined) {
      throw new EntmootError("invalid_argument", `ids_resp: expected ${fault}, got ${ids.length} bytes`);
    }
    if (next !== undefined && MessageId.fromBytes(ids.subarray(-32)) !== next.id) {
      throw new EntmootError("invalid_argument", `ids_resp: expected the place of the last id, got that of ${next.id}`);
    }
    return [GroupId.toBytes(group_id), ...(next === undefined ? [NO] : [YES, ...placeBytes(next)]), ids];
  },
};

/** The page of `places`, of which there are more than `limit` when more follow. */
export function idsPage(places: readonly TimePlace[], limit: number): Pick<IdsResp, "ids" | "next"> {
  const page = places.slice(0, limit);
  return { ids: idPage(page.map(({ id }) => id)), next: places.length > limit ? page.at(-1) : undefined };
}

/** Whether a place follows. */
const NO = Uint8Array.of(0);
const YES = Uint8Array.of(1);

function readFlag(cursor: ByteCursor): boolean {
  const flag = cursor.u8("place flag");
  if (flag > 1) cursor.fail("a place flag of 0 or 1", `${flag}`);
  return flag === 1;
}

/** A place without its id. */
function placeBytes({ timestamp, author_node_id }: TimePlace): Uint8Array<ArrayBuffer>[] {
  return [i64Bytes(timestamp), u32Bytes(author_node_id)];
}

function readPlace(cursor: ByteCursor, idOf: () => Uint8Array): TimePlace {
  const timestamp = cursor.i64("timestamp");
  const author_node_id = cursor.u32("author");
  return { timestamp, author_node_id, id: MessageId.fromBytes(idOf()) };
}

/** What was expected of a page, when it is not so. */
function pageFault(ids: IdPage, more: boolean): string | undefined {
  if (ids.length % 32 !== 0 || ids.length > IDS_PAGE_MAX * 32) return `at most ${IDS_PAGE_MAX} ids of 32 bytes`;
  return ids.length === 0 && more ? "an id on a page that is not the last" : undefined;
}
