import { appendFileSync, mkdirSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:net";
import { dirname, join } from "node:path";
import { ClaudeInboxDoor } from "../../../src/agent/claude/inbox-door.ts";
import type { Clock } from "../../../src/core/clock.ts";
import { realClock } from "../../../src/host/real-clock.ts";
import { TemporaryDirectory } from "../../support/temporary-directory.ts";

// biome-ignore lint/suspicious/noExplicitAny: whatever a client sends.
type Json = any;

/** What a session does with what comes over its inbox. */
export type FakeTaking = (frame: Json, session: FakeSession) => void;

/** A stand-in for a session of Claude Code with its inbox, its records and its file among the sessions. */
export class FakeSession implements Disposable {
  readonly sessionId: string;
  readonly socket: string;
  readonly configFolder: string;
  readonly #home: TemporaryDirectory | undefined;
  /** Everything that came, a line each. */
  readonly lines: Json[] = [];
  /** By default a turn of its own at once. */
  takes: FakeTaking = (frame, session) => session.keepTurn(frame);
  /** It is stopped: what comes waits in its inbox. */
  #stopped: Promise<void> | undefined;
  readonly #server: Server;

  /** `beside`: another session of the same user. */
  constructor({ beside, n = 1 }: { readonly beside?: FakeSession; readonly n?: number } = {}) {
    this.#home = beside === undefined ? new TemporaryDirectory() : undefined;
    this.configFolder = beside?.configFolder ?? join(this.#home!.path, "cl aude %20 ünï?#:");
    this.sessionId = `01a22d59-63ff-7e32-8578-${`${n}`.padStart(12, "0")}`;
    this.socket = join(dirname(this.configFolder), `${n}.sock`);
    mkdirSync(join(this.configFolder, "projects/-project"), { recursive: true });
    mkdirSync(join(this.configFolder, "sessions"), { recursive: true });
    this.#server = createServer({ allowHalfOpen: true }, (client) => {
      let text = "";
      client.on("data", (bytes) => (text += bytes));
      client.on("error", () => {});
      client.on("end", async () => {
        await this.#stopped;
        for (const line of text.split("\n").filter(Boolean)) {
          const frame = JSON.parse(line);
          this.lines.push(frame);
          if (frame.type === "user") this.takes(frame, this);
        }
        client.end();
      });
    }).listen(this.socket);
  }

  /** As by Ctrl-Z: it takes nothing until what this gives is called, and then all that came. */
  stop(): () => void {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#stopped = promise;
    return resolve;
  }

  get record(): string {
    return join(this.configFolder, "projects/-project", `${this.sessionId}.jsonl`);
  }

  get messages(): readonly Json[] {
    return this.lines.filter(({ type }) => type === "user");
  }

  door(clock: Clock = realClock): ClaudeInboxDoor {
    const { configFolder, sessionId, socket } = this;
    return new ClaudeInboxDoor({ configFolder, sessionId, socket, token: "pear" }, { clock, from: "elm" });
  }

  /** Says that it runs, as the process `pid`. */
  runsAs(pid: number): void {
    writeFileSync(
      join(this.configFolder, "sessions", `${pid}.json`),
      JSON.stringify({ pid, sessionId: this.sessionId }),
    );
  }

  keep(entry: object): void {
    appendFileSync(this.record, `${JSON.stringify(entry)}\n`);
  }

  /** It waits behind a turn. */
  keepQueued({ message: { content } }: Json): void {
    this.keep({ type: "queue-operation", operation: "enqueue", content });
  }

  /** It is a turn of its own. */
  keepTurn({ message, msg_id }: Json): void {
    this.keep({ type: "user", message, origin: { kind: "peer", msg_id } });
  }

  /** It came between two calls of a turn. */
  keepJoined({ message: { content }, msg_id }: Json): void {
    const attachment = { type: "queued_command", prompt: content, origin: { kind: "peer", msg_id } };
    this.keep({ type: "attachment", attachment });
  }

  [Symbol.dispose](): void {
    this.#server.close();
    this.#home?.[Symbol.dispose]();
  }
}
