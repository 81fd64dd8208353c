import { appendFileSync, chmodSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { TemporaryDirectory } from "../../support/temporary-directory.ts";

// biome-ignore lint/suspicious/noExplicitAny: whatever a client asks.
type Json = any;

/** What a question is answered with: a result, a no, bytes as they are, or nothing at all. */
export type FakeAnswer =
  | { readonly result: unknown }
  | { readonly error: { readonly code: number; readonly message: string } }
  | { readonly raw: string }
  | { readonly hangsUp: true }
  | undefined;

/** A stand-in for the server that Codex's terminals share, with one thread; a test says what it does otherwise. */
export class FakeAppServer implements Disposable {
  readonly home: TemporaryDirectory;
  readonly socket: string;
  readonly threadId = "01a22d59-63ff-7e32-8578-73d775f92637";
  status = "idle";
  /** Its own port of the terminal that shows the thread; `undefined`: none tells. */
  terminal: string | undefined;
  /** The servers of tools of the thread. */
  servers: { readonly name: string; readonly serverInfo: { readonly name: string } }[] = [];
  /** Whether a turn is written into the thread's record once it is taken. */
  isRecording = true;
  readonly asked: { readonly method: string; readonly params: Json }[] = [];
  readonly #answers = new Map<string, (params: Json) => FakeAnswer>();
  readonly #server: Bun.Server<undefined>;

  constructor(folder = "home") {
    this.home = new TemporaryDirectory();
    const control = join(this.home.path, folder, "app-server-control");
    mkdirSync(control, { recursive: true });
    mkdirSync(join(this.home.path, folder, "sessions/2026/11/30"), { recursive: true });
    this.codexHome = join(this.home.path, folder);
    this.socket = join(control, "app-server-control.sock");
    this.#server = Bun.serve({
      unix: this.socket,
      fetch: (request, server) => (server.upgrade(request) ? undefined : new Response("no", { status: 400 })),
      websocket: { message: (socket, text) => this.#hear(socket, JSON.parse(String(text))) },
    });
    chmodSync(this.socket, 0o600);
  }

  readonly codexHome: string;

  get record(): string {
    return join(this.codexHome, "sessions/2026/11/30", `rollout-${this.threadId}.jsonl`);
  }

  get turns(): readonly Json[] {
    return this.asked.filter(({ method }) => method === "turn/start").map(({ params }) => params);
  }

  /** From now on `method` is answered so. */
  on(method: string, answer: (params: Json) => FakeAnswer): void {
    this.#answers.set(method, answer);
  }

  /** Writes a turn into the thread's record as Codex does. */
  keep({ clientUserMessageId, input }: Json): void {
    const item = { type: "UserMessage", client_id: clientUserMessageId, content: input };
    appendFileSync(
      this.record,
      `${JSON.stringify({ type: "event_msg", payload: { type: "item_completed", item } })}\n`,
    );
  }

  [Symbol.dispose](): void {
    this.#server.stop(true);
    this.home[Symbol.dispose]();
  }

  #hear(socket: Bun.ServerWebSocket<undefined>, { id, method, params }: Json): void {
    if (id === undefined) return;
    this.asked.push({ method, params });
    const answer = (this.#answers.get(method) ?? ((asked) => ({ result: this.#usual(method, asked) })))(params);
    if (answer === undefined) return;
    if ("hangsUp" in answer) socket.terminate();
    else socket.send("raw" in answer ? answer.raw : JSON.stringify({ id, ...answer }));
  }

  #usual(method: string, params: Json): unknown {
    switch (method) {
      case "thread/loaded/list":
        return { data: [this.threadId], nextCursor: null };
      case "thread/read":
        return { thread: this.thread() };
      case "mcpServerStatus/list": {
        const terminal = this.terminal === undefined ? [] : [{ name: "codex_tui", httpOrigin: this.terminal }];
        return { data: params.serverName === "codex_tui" ? terminal : [...terminal, ...this.servers] };
      }
      case "turn/start":
        if (this.isRecording) this.keep(params);
        return { turn: { id: "turn", status: "inProgress" } };
      default:
        return {};
    }
  }

  thread(more: object = {}): object {
    const { record: path, status, threadId: id } = this;
    return { id, ephemeral: false, parentThreadId: null, cwd: "/project", path, status: { type: status }, ...more };
  }
}
