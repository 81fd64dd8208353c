import type { ControlConnection } from "../../src/control/control-connection.ts";
import type { ReadFrame } from "../../src/control/control-language.ts";
import { encodeUtf8 } from "../../src/core/bytes/utf8.ts";
import type { ControlFrame } from "../../src/wire/control/control-frame.ts";
import { decodeControlFrame } from "../../src/wire/control/control-frame.ts";
import type { OperationFrame } from "../../src/wire/control/operation-frame.ts";

/** One request and the first frame that comes back. */
export async function ask(connection: ControlConnection, request: ControlFrame): Promise<ReadFrame | null> {
  await connection.send(request);
  return connection.receive();
}

/** Sends bytes as they are and gives everything that comes back until the other side closes. */
export async function exchange(path: string, bytes: Uint8Array, { halfClose = false } = {}): Promise<Uint8Array> {
  const { promise, resolve } = Promise.withResolvers<Uint8Array>();
  const chunks: Uint8Array[] = [];
  const socket = await Bun.connect<undefined>({
    unix: path,
    allowHalfOpen: true,
    socket: {
      data: (_, chunk) => void chunks.push(chunk),
      end: (it) => void it.end(),
      close: () => resolve(Buffer.concat(chunks)),
    },
  });
  socket.write(bytes);
  if (halfClose) socket.shutdown();
  return promise;
}

/** A frame of any type with any text in it. */
export function frameBytes(type: number, body: string): Uint8Array {
  const bytes = encodeUtf8(body);
  const frame = new Uint8Array(5 + bytes.length);
  new DataView(frame.buffer).setUint32(0, 1 + bytes.length);
  frame[4] = type;
  frame.set(bytes, 5);
  return frame;
}

/** The frames that `bytes` are. */
export function replies(bytes: Uint8Array): ControlFrame[] {
  const frames: ControlFrame[] = [];
  for (let at = 0; at < bytes.length; ) {
    const length = new DataView(bytes.buffer, bytes.byteOffset + at).getUint32(0);
    frames.push(decodeControlFrame(bytes[at + 4]!, bytes.subarray(at + 5, at + 4 + length)) as ControlFrame);
    at += 4 + length;
  }
  return frames;
}

/** A frame of an operation as a client sends it; the request is given as JSON text or as a value. */
export function operationFrame(
  operation: string,
  request: string | object,
  head: Partial<Pick<OperationFrame, "call" | "role" | "room">> = {},
): OperationFrame {
  const body = encodeUtf8(typeof request === "string" ? request : JSON.stringify(request));
  return { kind: "operation", role: "call", call: 1, room: 0, operation, body, ...head };
}

/** What an operation frame that came says, its JSON read. Throws for any other frame. */
export function saidBy(frame: ReadFrame | null): {
  readonly role: string;
  readonly call: number;
  readonly json: unknown;
} {
  if (frame?.kind !== "operation") throw new Error(`expected an operation frame, found ${frame?.kind ?? "the end"}`);
  const { body, call, role } = frame;
  return { role, call, json: body.length === 0 ? undefined : JSON.parse(new TextDecoder().decode(body)) };
}
