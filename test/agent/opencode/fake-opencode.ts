import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { OpencodeServer } from "../../../src/agent/opencode/opencode-server.ts";
import { OpencodeSessionDoor } from "../../../src/agent/opencode/session-door.ts";
import type { Clock } from "../../../src/core/clock.ts";
import { realClock } from "../../../src/host/real-clock.ts";
import { TemporaryDirectory } from "../../support/temporary-directory.ts";

// biome-ignore lint/suspicious/noExplicitAny: whatever a client asks.
type Json = any;

/** A stand-in for the server within an opencode, behind our plugin's socket; a test says what it does otherwise. */
export class FakeOpencode implements Disposable {
  readonly #folder = new TemporaryDirectory();
  readonly socket: string;
  /** Sessions with their messages, the one at work last first. */
  sessions: { readonly id: string; updated: number; parentID?: string; directory?: string; messages: Json[] }[] = [];
  /** Of these something happened in this process, the last one first. */
  worked: string[] = [];
  /** Sessions that run something. */
  readonly busy = new Set<string>();
  /** Whether what is taken stands in the session, and whether the model is asked about it. */
  isRecording = true;
  isRunning = true;
  readonly asked: string[] = [];
  readonly prompts: Json[] = [];
  /** Answers in place of the usual one; nothing: the usual one. */
  answer: (method: string, path: string) => Promise<Response> | Response | undefined = () => undefined;
  readonly #server: Bun.Server<undefined>;
  #lastId = 0;

  constructor(folder = "run") {
    mkdirSync(join(this.#folder.path, folder));
    this.socket = join(this.#folder.path, folder, "1-2.sock");
    this.#server = Bun.serve({ unix: this.socket, fetch: (request) => this.#take(request) });
  }

  door(clock: Clock = realClock): OpencodeSessionDoor {
    const server = new OpencodeServer({ socket: this.socket }, clock, "/project");
    // No process has the largest number there is.
    return new OpencodeSessionDoor({ clock, server, place: { folder: "/project", pid: 2 ** 31 - 1, sinceMs: 0 } });
  }

  session(id: string, messages: Json[] = [], more: object = {}): void {
    this.sessions.unshift({ id, updated: Date.now(), messages, ...more });
  }

  [Symbol.dispose](): void {
    this.#server.stop(true);
    this.#folder[Symbol.dispose]();
  }

  async #take(request: Request): Promise<Response> {
    const { pathname, searchParams } = new URL(request.url);
    this.asked.push(`${request.method} ${pathname}`);
    const body = request.method === "POST" ? await request.json() : undefined;
    const other = await this.answer(request.method, pathname);
    if (other !== undefined) return other;
    const [, kind, id, what] = pathname.split("/");
    if (kind === "entmoot") return Response.json(this.worked);
    if (kind === "tui") return Response.json(true);
    if (id === "status")
      return Response.json(Object.fromEntries([...this.busy].map((each) => [each, { type: "busy" }])));
    if (request.method === "POST" && id === undefined) {
      this.session(`ses_${++this.#lastId}`);
      this.worked.unshift(this.sessions[0]!.id);
      return Response.json(this.#shown(this.sessions[0]!));
    }
    if (kind === "experimental" || id === undefined)
      return Response.json(this.sessions.map((each) => this.#shown(each)));
    const session = this.sessions.find((each) => each.id === id);
    if (session === undefined) return Response.json({ name: "NotFoundError" }, { status: 404 });
    if (what === "prompt_async") return this.#prompt(session, body);
    const at = Number(searchParams.get("before") ?? session.messages.length);
    const limit = Number(searchParams.get("limit"));
    const from = Math.max(0, at - limit);
    const headers: Record<string, string> = from > 0 ? { "x-next-cursor": `${from}` } : {};
    return Response.json(session.messages.slice(from, at), { headers });
  }

  #prompt(session: { messages: Json[] }, body: Json): Response {
    this.prompts.push(body);
    if (this.isRecording) {
      const id = `msg_${++this.#lastId}`;
      session.messages.push(message("user", id, body.parts));
      if (this.isRunning) session.messages.push(message("assistant", `msg_${++this.#lastId}`, [], id));
    }
    return new Response(undefined, { status: 204 });
  }

  #shown({ directory = "/project", id, parentID, updated }: (typeof this.sessions)[number]): object {
    return { id, directory, parentID, time: { created: updated, updated } };
  }
}

export function message(role: string, id: string, parts: Json[], parentID?: string, created = Date.now()): Json {
  return { info: { id, role, parentID, time: { created } }, parts };
}
