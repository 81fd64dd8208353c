import { EntmootError } from "../core/errors.ts";
import { GroupId, MessageId } from "../core/ids.ts";
import { ByteCursor, u32Bytes } from "./byte-cursor.ts";
import type { FrameBody } from "./frame-body.ts";
import { type IdPage, isAscending } from "./id-page.ts";

/** Ours. Half a mebibyte of ids. */
export const IDS_PAGE_MAX = 16_384;

/** Asks for the ids held in [lo, hi), lowest first. For the next page, `lo` is the successor of the last id given. */
export interface IdsReq {
  readonly kind: "ids_req";
  readonly group_id: GroupId;
  readonly lo: MessageId;
  /** All zero is 2^256. */
  readonly hi: MessageId;
  /** 1 to 16,384. */
  readonly limit: number;
}

/** One page of ids. */
export interface IdsResp {
  readonly kind: "ids_resp";
  readonly group_id: GroupId;
  /** No id of the range asked comes after these. */
  readonly last: boolean;
  /** Strictly ascending, at most 16,384; none only on the last page. */
  readonly ids: IdPage;
}

export const idsReqBody: FrameBody<IdsReq> = {
  decode(body) {
    const cursor = new ByteCursor(body, "ids_req");
    const group_id = GroupId.fromBytes(cursor.take(32, "group id"));
    const lo = MessageId.fromBytes(cursor.take(32, "lo"));
    const hi = MessageId.fromBytes(cursor.take(32, "hi"));
    const limit = cursor.u32("limit");
    if (limit < 1 || limit > IDS_PAGE_MAX) cursor.fail(`a limit from 1 to ${IDS_PAGE_MAX}`, `${limit}`);
    cursor.end();
    return { kind: "ids_req", group_id, lo, hi, limit };
  },
  encode({ group_id, lo, hi, limit }) {
    if (!Number.isInteger(limit) || limit < 1 || limit > IDS_PAGE_MAX) {
      throw new EntmootError("invalid_argument", `ids_req: expected a limit from 1 to ${IDS_PAGE_MAX}, got ${limit}`);
    }
    return [GroupId.toBytes(group_id), MessageId.toBytes(lo), MessageId.toBytes(hi), u32Bytes(limit)];
  },
};

export const idsRespBody: FrameBody<IdsResp> = {
  decode(body) {
    const cursor = new ByteCursor(body, "ids_resp");
    const group_id = GroupId.fromBytes(cursor.take(32, "group id"));
    const flag = cursor.u8("last-page flag");
    if (flag > 1) cursor.fail("a last-page flag of 0 or 1", `${flag}`);
    const ids = cursor.rest();
    const fault = pageFault(ids, flag === 1);
    if (fault !== undefined) cursor.fail(fault, `${ids.length} bytes`);
    return { kind: "ids_resp", group_id, last: flag === 1, ids };
  },
  encode({ group_id, last, ids }) {
    const fault = pageFault(ids, last);
    if (fault !== undefined) {
      throw new EntmootError("invalid_argument", `ids_resp: expected ${fault}, got ${ids.length} bytes`);
    }
    return [GroupId.toBytes(group_id), Uint8Array.of(last ? 1 : 0), ids];
  },
};

/** What was expected of a page, when it is not so. */
function pageFault(ids: IdPage, last: boolean): string | undefined {
  if (ids.length % 32 !== 0 || ids.length > IDS_PAGE_MAX * 32) return `at most ${IDS_PAGE_MAX} ids of 32 bytes`;
  if (ids.length === 0 && !last) return "an id on a page that is not the last";
  return isAscending(ids) ? undefined : "ids in ascending order";
}
