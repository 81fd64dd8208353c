import { join } from "node:path";
import { eventually } from "../support/eventually.ts";
import type { HostHome } from "./host-home.ts";

// biome-ignore lint/suspicious/noExplicitAny: the host's own records.
type Json = any;

/**
 * A second client of the server that Codex's terminal shares: JSON-RPC without its version member, one message in each
 * text frame of a WebSocket, over a Unix socket.
 */
export class AppServer implements Disposable {
  /** What the server said unasked, oldest first. */
  readonly events: { readonly method: string; readonly params: Json }[] = [];
  /** What it asked of us, as whether a tool may be called: nobody here answers. */
  readonly questions: { readonly method: string; readonly params: Json }[] = [];
  readonly #socket: WebSocket;
  readonly #waiting = new Map<number, (answer: Json) => void>();
  #lastId = 0;

  private constructor(socket: WebSocket) {
    this.#socket = socket;
    socket.onmessage = ({ data }) => this.#hear(JSON.parse(String(data)));
  }

  static async connect(home: HostHome): Promise<AppServer> {
    const path = join(home.path, "app-server-control/app-server-control.sock");
    const socket = await eventually("the socket of Codex's daemon", () => open(`ws+unix://${path}`));
    const server = new AppServer(socket);
    const clientInfo = { name: "entmoot-test", title: "entmoot test", version: "1.0.0" };
    await server.ask("initialize", { clientInfo, capabilities: { experimentalApi: true } });
    socket.send(JSON.stringify({ method: "initialized" }));
    return server;
  }

  /** The result of `method`; rejects with the server's own words. */
  async ask(method: string, params: object = {}): Promise<Json> {
    const id = ++this.#lastId;
    const { promise, resolve } = Promise.withResolvers<Json>();
    this.#waiting.set(id, resolve);
    this.#socket.send(JSON.stringify({ id, method, params }));
    const { result, error } = await promise;
    if (error !== undefined) throw new Error(`${method}: ${error.code} ${error.message}`);
    return result;
  }

  /** The thread that the terminal shows. Others are loaded for a while, as one that finds a title. */
  async thread(): Promise<string> {
    return await eventually("one thread of the user's", async () => {
      const { data } = await this.ask("thread/loaded/list");
      const threads = await Promise.all(data.map((threadId: string) => this.ask("thread/read", { threadId })));
      const shown = threads.map(({ thread }) => thread).filter(({ ephemeral }) => !ephemeral);
      if (shown.length === 1) return shown[0].id;
      throw new Error(JSON.stringify(threads.map(({ thread }) => thread)));
    });
  }

  /** Resolves once `thread` has this status. */
  async when(thread: string, status: "idle" | "active"): Promise<void> {
    await eventually(`a thread that is ${status}`, async () => {
      const { thread: read } = await this.ask("thread/read", { threadId: thread });
      return read.status.type === status || undefined;
    });
  }

  /** Resolves with the first event `matches`, of those so far and of those to come. */
  async event(method: string, matches: (params: Json) => boolean = () => true): Promise<Json> {
    const found = await eventually(`${method} from Codex's daemon`, () =>
      this.events.find((event) => event.method === method && matches(event.params)),
    );
    return found.params;
  }

  [Symbol.dispose](): void {
    this.#socket.close();
  }

  #hear(message: Json): void {
    if (message.method === undefined) {
      this.#waiting.get(message.id)?.(message);
      this.#waiting.delete(message.id);
    } else if (message.id === undefined) this.events.push(message);
    else this.questions.push(message);
  }
}

async function open(url: string): Promise<WebSocket> {
  const { promise, resolve, reject } = Promise.withResolvers<WebSocket>();
  const socket = new WebSocket(url);
  socket.onopen = () => resolve(socket);
  socket.onerror = () => reject(new Error(`${url} takes no connection`));
  return await promise;
}
