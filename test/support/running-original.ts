import { readFileSync } from "node:fs";
import { join } from "node:path";

const VECTORS = join(import.meta.dir, "../vectors/control-socket.json");
/** Types of the frames that the original takes or sends; any other it logs, and closes without a word. */
const [TYPE_FIRST, TYPE_LAST, TAIL_SUBSCRIBE, INFO_REQ] = [0x10, 0x22, 0x12, 0x14];

interface LiveCase {
  readonly name: string;
  readonly op: string;
  readonly request: string;
  readonly response?: string | null;
}

interface TailCase {
  readonly op: string;
  readonly request: string;
  readonly received: readonly string[];
  readonly server_closed: boolean;
}

const { cases: CASES } = JSON.parse(readFileSync(VECTORS, "utf8")) as { cases: (LiveCase | TailCase)[] };
const LIVE = CASES.filter((one): one is LiveCase => one.op === "live");
/** Those that received something first: several sessions began with the same request. */
const TAILS = CASES.filter((one): one is TailCase => one.op === "tail").toSorted(
  (a, b) => Number(b.received.length > 0) - Number(a.received.length > 0),
);

/** What the original answered to this recorded request, in hex. */
export function recorded(name: string): string {
  const found = LIVE.find((live) => live.name === `live/${name}`)?.response;
  if (!found) throw new Error(`no recorded answer ${name}`);
  return found;
}

/**
 * The control socket of a daemon of the original, with the bytes that a real one sent when it was asked the same: one
 * request a connection, what it cannot read or does not know ends the connection without a word. A tail gets what was recorded and stays.
 */
export class RunningOriginal implements Disposable {
  /** Types of all frames it was sent, in order; the requests themselves beside them, in hex. */
  readonly types: number[] = [];
  readonly requests: string[] = [];
  readonly #listener: ReturnType<typeof Bun.listen>;

  /** Listens on `path`. `info`: name of the recorded answer to what it is asked about itself. */
  constructor(path: string, { info = "info with two groups" }: { readonly info?: string } = {}) {
    const heard = new WeakMap<object, Buffer>();
    this.#listener = Bun.listen({
      unix: path,
      socket: {
        data: (socket, chunk) => {
          const bytes = Buffer.concat([heard.get(socket) ?? Buffer.alloc(0), chunk]);
          heard.set(socket, bytes);
          if (bytes.length < 4 || bytes.length < 4 + bytes.readUInt32BE(0)) return;
          const frame = bytes.subarray(0, 4 + bytes.readUInt32BE(0));
          const type = frame[4] ?? 0;
          this.types.push(type);
          this.requests.push(frame.toString("hex"));
          if (type === TAIL_SUBSCRIBE) {
            const tail = TAILS.find(({ request }) => request === frame.toString("hex"));
            for (const event of tail?.received ?? []) socket.write(Buffer.from(event, "hex"));
            if (tail?.server_closed) socket.end();
            return;
          }
          const answer = type === INFO_REQ ? recorded(info) : answerTo(frame.toString("hex"));
          if (type >= TYPE_FIRST && type <= TYPE_LAST && answer !== undefined) socket.write(Buffer.from(answer, "hex"));
          socket.end();
        },
      },
    });
  }

  /** How many frames it was sent that the original does not know. */
  get unknown(): number {
    return this.types.filter((type) => type < TYPE_FIRST || type > TYPE_LAST).length;
  }

  [Symbol.dispose](): void {
    this.#listener.stop(true);
  }
}

function answerTo(request: string): string | undefined {
  return LIVE.find((live) => live.request === request)?.response ?? undefined;
}
