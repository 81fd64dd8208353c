import { connect } from "node:net";

const NO_BYTES = Buffer.alloc(0);

/** One kept connection that asks a path again and again, as cheaply as this process can: it is not what is measured. */
export class HttpAsker {
  readonly #head: (path: string) => string;
  #socket!: Bun.Socket<undefined>;
  #resolve: (() => void) | undefined;
  #need = -1;
  #got = 0;
  status = 0;
  /** Of an answer whose head is not here whole. */
  #begun: Buffer = NO_BYTES;

  private constructor(token: string) {
    this.#head = (path) => `GET ${path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${token}\r\n\r\n`;
  }

  static async open(port: number, token: string): Promise<HttpAsker> {
    const asker = new HttpAsker(token);
    asker.#socket = await Bun.connect({
      hostname: "127.0.0.1",
      port,
      socket: { data: (_socket, data) => asker.#data(data) },
    });
    return asker;
  }

  /** Resolves once all of the answer is here. */
  get(path: string): Promise<void> {
    return new Promise((resolve) => {
      this.#resolve = resolve;
      this.#socket.write(this.#head(path));
    });
  }

  close(): void {
    this.#socket.end();
  }

  #data(data: Buffer): void {
    // What a server says of itself on a connection that is quiet is no answer.
    if (this.#resolve === undefined) return;
    if (this.#need < 0) {
      this.#begun = this.#begun.length === 0 ? data : Buffer.concat([this.#begun, data]);
      const at = this.#begun.indexOf("\r\n\r\n");
      if (at < 0) return;
      const head = this.#begun.toString("latin1", 0, at);
      this.status = Number(head.slice(9, 12));
      this.#need = Number(/content-length: (\d+)/i.exec(head)![1]);
      this.#got = this.#begun.length - at - 4;
      this.#begun = NO_BYTES;
    } else this.#got += data.length;
    if (this.#got < this.#need) return;
    this.#need = -1;
    const resolve = this.#resolve;
    this.#resolve = undefined;
    resolve();
  }
}

/** Answers a second of several connections that ask without a pause. */
export async function askRate(
  { askers, ms }: { readonly askers: readonly HttpAsker[]; readonly ms: number },
  path: (n: number) => string,
): Promise<number> {
  const started = performance.now();
  let asked = 0;
  await Promise.all(
    askers.map(async (asker) => {
      while (performance.now() - started < ms) {
        await asker.get(path(asked++));
        if (asker.status !== 200) throw new Error(`status ${asker.status}`);
      }
    }),
  );
  return (asked / (performance.now() - started)) * 1000;
}

/** Somebody who is told events: calls back with each line of them. */
export function openReader(port: number, path: string, onData: (text: string) => void): Promise<() => void> {
  const { promise, resolve } = Promise.withResolvers<() => void>();
  const socket = connect(port, "127.0.0.1", () => {
    socket.write(`GET ${path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer bench\r\n\r\n`);
  });
  socket.setNoDelay(true);
  socket.on("error", () => {});
  let rest = "";
  socket.on("data", (data) => {
    rest += data.toString("latin1");
    const end = rest.lastIndexOf("\n") + 1;
    onData(rest.slice(0, end));
    rest = rest.slice(end);
    resolve(() => socket.destroy());
  });
  return promise;
}
