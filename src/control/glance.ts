import { decodeUtf8, encodeUtf8 } from "../core/bytes/utf8.ts";
import { decodeOperationHead, OPERATION_HEAD_BYTES, operationBody } from "../wire/control/operation-frame.ts";
import { CONTROL_EXTENSIONS } from "../wire/frame/extensions.ts";

/** Ours. What a question asked in passing takes of an answer. */
const ANSWER_MAX_BYTES = 4 * 1024 * 1024;
const PREFIX_BYTES = 5;

/**
 * One question to whoever listens on the Unix socket `path`, and its answer as JSON, unchecked: for who has a few milliseconds
 * for all of it, which loading what checks an answer would take alone. Throws whatever stands against it; waits for ever, which
 * is for its caller to end.
 */
export async function glance(path: string, operation: string, request: unknown): Promise<unknown> {
  const answer = Promise.withResolvers<unknown>();
  let got = new Uint8Array(0);
  const frame = frameOf(operation, request);
  const socket = await Bun.connect({
    unix: path,
    socket: {
      data(_socket, chunk) {
        got = Buffer.concat([got, chunk]);
        try {
          const body = answerIn(got);
          if (body !== undefined) answer.resolve(body);
        } catch (error) {
          answer.reject(error);
        }
      },
      close: () => answer.reject(new Error("closed")),
      error: (_socket, error) => answer.reject(error),
    },
  });
  try {
    // A few hundred bytes: the system takes them at once, or the socket is no use to us.
    if (socket.write(frame) !== frame.length) throw new Error("cannot be written to");
    return await answer.promise;
  } finally {
    socket.terminate();
  }
}

function frameOf(operation: string, request: unknown): Uint8Array {
  const body = encodeUtf8(JSON.stringify(request));
  const pieces = operationBody.encode({ kind: "operation", role: "call", call: 1, room: 0, operation, body });
  const length = pieces.reduce((sum, piece) => sum + piece.length, 1);
  const head = new Uint8Array(PREFIX_BYTES);
  new DataView(head.buffer).setUint32(0, length);
  head[PREFIX_BYTES - 1] = CONTROL_EXTENSIONS.operation.type;
  return Buffer.concat([head, ...pieces]);
}

/** The answer, once all of it is there. */
function answerIn(got: Uint8Array): unknown {
  if (got.length < PREFIX_BYTES) return undefined;
  const length = new DataView(got.buffer, got.byteOffset).getUint32(0);
  if (length > ANSWER_MAX_BYTES || got[PREFIX_BYTES - 1] !== CONTROL_EXTENSIONS.operation.type)
    throw new Error("no answer of ours");
  if (got.length < PREFIX_BYTES - 1 + length) return undefined;
  const body = got.subarray(PREFIX_BYTES, PREFIX_BYTES - 1 + length);
  if (decodeOperationHead(body).role !== "answer") throw new Error("refused");
  return JSON.parse(decodeUtf8(body.subarray(OPERATION_HEAD_BYTES)));
}
