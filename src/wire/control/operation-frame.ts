import { decodeUtf8, encodeUtf8 } from "../../core/bytes/utf8.ts";
import { EntmootError } from "../../core/errors.ts";
import type { FrameBody } from "../frame/frame-body.ts";

/**
 * The one frame our operations travel in on a control socket, in both directions. It begins with a head of fixed
 * size, so that operation and size are judged before a body is read. The head is laid out as follows and never
 * changes; integers are big-endian. A binary body has no codec to infer the frame from.
 *
 * | bytes | content |
 * |---|---|
 * | 1 | 1, the layout |
 * | 1 | role |
 * | 2 | 0 |
 * | 4 | call: chosen by the caller, one of its own calls under way on this connection |
 * | 4 | room: see `OperationFrame` |
 * | 32 | name of the operation in ASCII, filled up with zeros |
 */
export interface OperationFrame {
  readonly kind: "operation";
  /**
   * From the caller `call`, then any number of `credit`, at most one `cancel`; back any number of `event`, then one
   * `answer` or `failure`, which ends the call.
   */
  readonly role: OperationRole;
  readonly call: number;
  /** In `call`: bytes of events the caller has room for. In `credit`: bytes it has room for again. Elsewhere 0. */
  readonly room: number;
  readonly operation: string;
  /** JSON: the request, an event, the answer or a failure. Empty in `cancel` and `credit`. */
  readonly body: Uint8Array;
}

/** Ours. Their numbers in the head, which stay: every later version reads `stop` and `restart` of every earlier one. */
const ROLES = { call: 1, answer: 2, event: 3, failure: 4, cancel: 5, credit: 6 } as const;
export type OperationRole = keyof typeof ROLES;

/** Ours. Bytes of the head, and of the name in it: twice the longest name there is, so that the head need never grow. */
export const OPERATION_HEAD_BYTES = 44;
export const OPERATION_NAME_BYTES = 32;

const LAYOUT = 1;
const NAME_AT = OPERATION_HEAD_BYTES - OPERATION_NAME_BYTES;
const ROLE_OF = new Map<number, OperationRole>(Object.entries(ROLES).map(([role, n]) => [n, role as OperationRole]));
const NAME = /^[a-z][a-z0-9_]{0,31}$/;

/** What the head says; the body is not looked at. Throws `malformed_frame`. */
export function decodeOperationHead(head: Uint8Array): Omit<OperationFrame, "body"> {
  if (head.length < OPERATION_HEAD_BYTES) {
    throw malformed(`a head of ${OPERATION_HEAD_BYTES} bytes`, `${head.length} bytes`);
  }
  if (head[0] !== LAYOUT) throw malformed(`layout ${LAYOUT}`, `${head[0]}; update the older program`);
  const role = ROLE_OF.get(head[1]!);
  if (role === undefined) throw malformed(`a role from 1 to ${ROLE_OF.size}`, String(head[1]));
  const view = new DataView(head.buffer, head.byteOffset, OPERATION_HEAD_BYTES);
  const named = head.subarray(NAME_AT, OPERATION_HEAD_BYTES);
  const end = named.indexOf(0);
  const operation = decodeUtf8(end < 0 ? named : named.subarray(0, end));
  const isPadded = end < 0 || named.subarray(end).every((byte) => byte === 0);
  if (!isPadded || !NAME.test(operation)) throw malformed("the name of an operation", JSON.stringify(operation));
  return { kind: "operation", role, call: view.getUint32(4), room: view.getUint32(8), operation };
}

/** The frame's body on the wire: head, then JSON. */
export const operationBody: FrameBody<OperationFrame> = {
  decode: (body) => ({ ...decodeOperationHead(body), body: body.subarray(OPERATION_HEAD_BYTES) }),
  encode({ body, call, operation, role, room }) {
    if (!NAME.test(operation)) throw new EntmootError("invalid_argument", `operation: no name: ${operation}`);
    const head = new Uint8Array(OPERATION_HEAD_BYTES);
    const view = new DataView(head.buffer);
    view.setUint8(0, LAYOUT);
    view.setUint8(1, ROLES[role]);
    view.setUint32(4, call);
    view.setUint32(8, room);
    head.set(encodeUtf8(operation), NAME_AT);
    return [head, body];
  },
};

function malformed(expected: string, found: string): EntmootError {
  return new EntmootError("malformed_frame", `operation frame: expected ${expected}, found ${found}`);
}
