import { EntmootError } from "../../core/errors.ts";
import { GroupId, type MessageId } from "../../core/ids.ts";
import { ByteCursor, u32Bytes } from "../frame/byte-cursor.ts";
import type { FrameBody } from "../frame/frame-body.ts";
import { idPage, pageIds } from "./id-page.ts";
import { BATCH_MESSAGES_MAX, BatchRoom, messageBatchParts, readMessageBatch } from "./message-batch.ts";

/** Ours. 128 KiB of ids; a responder answers as many as fit 1 MiB. */
const FETCH_MANY_IDS_MAX = 4096;

// Binary bodies have no codec that says their fields, so these two frames say them here.

/** Asks for messages by id. An id may stand there twice; it is then answered twice. */
export interface FetchManyReq {
  readonly kind: "fetch_many_req";
  readonly group_id: GroupId;
  /** 1 to 4,096, most wanted first. */
  readonly ids: readonly MessageId[];
}

/**
 * What became of one id. `sent`: its message follows. `unknown`: not held, ask someone else.
 * `again`: there was no room, ask again. `alone`: too large for any batch, ask with fetch_req.
 */
export type FetchOutcome = "again" | "sent" | "unknown" | "alone";

/** Ours. The byte of each outcome is its place here, which peers read: new ones go to the end. */
const OUTCOMES: readonly FetchOutcome[] = ["again", "sent", "unknown", "alone"];

/** Says for every id asked, in the order asked, what became of it. Never all `again`, so asking on always ends. */
export interface FetchManyResp {
  readonly kind: "fetch_many_resp";
  readonly group_id: GroupId;
  /** As many as were asked, which the asker has to check. */
  readonly outcomes: readonly FetchOutcome[];
  /** Full canonical forms, one for each `sent`, in the same order. At most 1,024. */
  readonly bodies: readonly Uint8Array[];
}

export const fetchManyReqBody: FrameBody<FetchManyReq> = {
  decode(body) {
    const cursor = new ByteCursor(body, "fetch_many_req");
    const group_id = GroupId.fromBytes(cursor.read(32, "group id"));
    const count = cursor.left / 32;
    if (!Number.isInteger(count) || count < 1 || count > FETCH_MANY_IDS_MAX) {
      cursor.fail(`1 to ${FETCH_MANY_IDS_MAX} ids of 32 bytes`, `${cursor.left} bytes`);
    }
    return { kind: "fetch_many_req", group_id, ids: pageIds(cursor.rest()) };
  },
  encode({ group_id, ids }) {
    requireCount("fetch_many_req: ids", ids.length);
    return [GroupId.toBytes(group_id), idPage(ids)];
  },
};

export const fetchManyRespBody: FrameBody<FetchManyResp> = {
  decode(body) {
    const cursor = new ByteCursor(body, "fetch_many_resp");
    const group_id = GroupId.fromBytes(cursor.read(32, "group id"));
    const count = cursor.u32("outcome count");
    if (count < 1 || count > FETCH_MANY_IDS_MAX) cursor.fail(`1 to ${FETCH_MANY_IDS_MAX} outcomes`, `${count}`);
    const outcomes = Array.from(
      cursor.read(count, "outcomes"),
      (byte) => OUTCOMES[byte] ?? cursor.fail("an outcome from 0 to 3", `${byte}`),
    );
    if (outcomes.every((outcome) => outcome === "again")) cursor.fail("an answer to some id", "none");
    const sent = outcomes.filter((outcome) => outcome === "sent").length;
    const bodies = readMessageBatch(cursor);
    if (bodies.length !== sent) cursor.fail(`${sent} messages`, `${bodies.length}`);
    return { kind: "fetch_many_resp", group_id, outcomes, bodies };
  },
  encode({ group_id, outcomes, bodies }) {
    requireCount("fetch_many_resp: outcomes", outcomes.length);
    const sent = outcomes.filter((outcome) => outcome === "sent").length;
    if (sent !== bodies.length || sent > BATCH_MESSAGES_MAX || outcomes.every((outcome) => outcome === "again")) {
      throw new EntmootError(
        "invalid_argument",
        `fetch_many_resp: expected a message for each of at most ${BATCH_MESSAGES_MAX} sent and an answer to some id, got ${sent} sent, ${bodies.length} messages`,
      );
    }
    const bytes = Uint8Array.from(outcomes, (outcome) => OUTCOMES.indexOf(outcome));
    return [GroupId.toBytes(group_id), u32Bytes(bytes.length), bytes, ...messageBatchParts(bodies)];
  },
};

/** The answer to `request`; `held` gives the canonical form of a message this node holds. What does not fit is `again`. */
export function answerFetchMany(
  { group_id, ids }: FetchManyReq,
  held: (id: MessageId) => Uint8Array | undefined,
): FetchManyResp {
  const room = new BatchRoom();
  const bodies: Uint8Array[] = [];
  let full = false;
  const outcomes = ids.map((id): FetchOutcome => {
    // Past the first that does not fit nothing is looked up: the asker gets its messages in the order it wants them.
    if (full) return "again";
    const body = held(id);
    if (body === undefined) return "unknown";
    if (!BatchRoom.fits(body.length)) return "alone";
    full = !room.reserve(body.length);
    if (full) return "again";
    bodies.push(body);
    return "sent";
  });
  return { kind: "fetch_many_resp", group_id, outcomes, bodies };
}

function requireCount(what: string, count: number): void {
  if (count >= 1 && count <= FETCH_MANY_IDS_MAX) return;
  throw new EntmootError("invalid_argument", `${what}: expected 1 to ${FETCH_MANY_IDS_MAX}, got ${count}`);
}
