import { expect, test } from "bun:test";
import { appendFileSync, chownSync, lchownSync, mkdirSync, renameSync, symlinkSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:net";
import { join } from "node:path";
import { ClaudeInboxDoor } from "../../../src/agent/claude/inbox-door.ts";
import { MessageId } from "../../../src/core/ids.ts";
import { realClock } from "../../../src/host/real-clock.ts";
import { TemporaryDirectory } from "../../support/temporary-directory.ts";

const ID = MessageId.fromBytes(new Uint8Array(32).fill(7));
const MARK = MessageId.toBase64(ID);
const SESSION = "0d0e0f00-0000-4000-8000-000000000001";
const never = new AbortController().signal;

/** A stand-in for the inbox of a session, which keeps a record of what it takes. */
class FakeInbox implements Disposable {
  readonly #folder = new TemporaryDirectory();
  readonly socket = join(this.#folder.path, "inbox.sock");
  readonly #record: string;
  readonly #server: Server;
  // biome-ignore lint/suspicious/noExplicitAny: whatever comes in.
  readonly heard: any[] = [];

  constructor() {
    const project = join(this.#folder.path, "projects", "-project");
    mkdirSync(project, { recursive: true });
    this.#record = join(project, `${SESSION}.jsonl`);
    writeFileSync(this.#record, "");
    this.#server = createServer((client) => {
      let text = "";
      client.on("data", (bytes) => {
        text += bytes;
      });
      client.on("end", () => {
        for (const line of text.split("\n").filter(Boolean)) this.#take(JSON.parse(line));
        client.end();
      });
    }).listen(this.socket);
  }

  door(isChild = true): ClaudeInboxDoor {
    const session = {
      socket: this.socket,
      token: isChild ? "pear" : undefined,
      sessionId: SESSION,
      configFolder: this.#folder.path,
    };
    return new ClaudeInboxDoor(session, { clock: realClock, from: "oak" });
  }

  // biome-ignore lint/suspicious/noExplicitAny: as above.
  #take(frame: any): void {
    this.heard.push(frame);
    if (frame.type !== "user") return;
    const entry = { type: "user", origin: { kind: "peer" }, message: frame.message };
    appendFileSync(this.#record, `${JSON.stringify(entry)}\n`);
  }

  [Symbol.dispose](): void {
    this.#server.close();
    this.#folder[Symbol.dispose]();
  }
}

test("a message goes to the session alone whose record then holds it; its children name themselves, others do not", async () => {
  using inbox = new FakeInbox();
  expect(await inbox.door().hand({ ids: [ID], text: MARK }, never)).toMatchObject({ level: "read" });
  expect(inbox.heard).toMatchObject([
    { type: "auth", token: "pear" },
    { type: "user", priority: "later", session_id: SESSION },
  ]);
  await inbox.door(false).hand({ ids: [ID], text: MARK }, never);
  expect(inbox.heard.filter(({ type }) => type === "auth")).toHaveLength(1);
});

test("a socket of somebody else, a link of somebody else and what is no socket are not written to", async () => {
  using inbox = new FakeInbox();
  const handing = { ids: [ID], text: MARK };
  const moved = `${inbox.socket}.short`;
  renameSync(inbox.socket, moved);
  symlinkSync(moved, inbox.socket);
  expect(await inbox.door().hand(handing, never)).toMatchObject({ level: "read" });
  const before = inbox.heard.length;
  if (process.getuid?.() === 0) {
    const reason = expect.stringContaining("of user 65534");
    lchownSync(inbox.socket, 65_534, 65_534);
    expect(await inbox.door().hand(handing, never)).toMatchObject({ level: "later", reason });
    lchownSync(inbox.socket, 0, 0);
    chownSync(moved, 65_534, 65_534);
    expect(await inbox.door().hand(handing, never)).toMatchObject({ level: "later", reason });
  }
  renameSync(inbox.socket, `${inbox.socket}.link`);
  writeFileSync(inbox.socket, "");
  const reason = expect.stringContaining("expected a socket");
  expect(await inbox.door().hand(handing, never)).toMatchObject({ level: "later", reason });
  expect(inbox.heard).toHaveLength(before);
});
