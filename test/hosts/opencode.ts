import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { eventually } from "../support/eventually.ts";
import { HostHome } from "./host-home.ts";
import { type HostEnv, HostTerminal } from "./host-terminal.ts";
import type { StubModel } from "./stub/stub-model.ts";

const PASSWORD = "stub-password";
const AUTHORIZED = { authorization: `Basic ${btoa(`opencode:${PASSWORD}`)}` };

/** A home for opencode whose model is the stub's. `more` is added to its configuration. */
export function opencodeHome(model: StubModel, more: object = {}, env: HostEnv = {}): HostHome {
  const home = new HostHome("opencode", (path) => ({
    OPENCODE_DISABLE_MODELS_FETCH: "1",
    OPENCODE_DISABLE_AUTOUPDATE: "1",
    OPENCODE_DISABLE_LSP_DOWNLOAD: "1",
    // With a plugin it installs packages first, and waits more than a minute for a registry that it cannot reach.
    npm_config_fetch_retries: "0",
    OPENCODE_SERVER_PASSWORD: PASSWORD,
    OPENCODE_CONFIG: join(path, "opencode.json"),
    ...env,
  }));
  const provider = {
    npm: "@ai-sdk/openai-compatible",
    name: "stub",
    options: { baseURL: `${model.url}/v1`, apiKey: "stub" },
    models: { stub: { name: "stub", tool_call: true } },
  };
  writeFileSync(
    join(home.path, "opencode.json"),
    JSON.stringify({ provider: { stub: provider }, model: "stub/stub", autoupdate: false, share: "disabled", ...more }),
  );
  return home;
}

/** opencode on a terminal, as a person uses it, with its server on a port that is known. */
export class Opencode implements AsyncDisposable {
  readonly home: HostHome;
  readonly terminal: HostTerminal;
  readonly url: string;

  private constructor(home: HostHome, terminal: HostTerminal, port: number) {
    this.home = home;
    this.terminal = terminal;
    this.url = `http://127.0.0.1:${port}`;
  }

  /** Starts it in the project of `home`; resolves once it waits for its user. */
  static async start(home: HostHome, args: readonly string[] = []): Promise<Opencode> {
    const port = freePort();
    const command = [home.program, "--port", `${port}`, ...args];
    const terminal = await HostTerminal.start(command, { cwd: home.project, env: home.env });
    const opencode = new Opencode(home, terminal, port);
    try {
      await terminal.shows("Ask anything");
      return opencode;
    } catch (error) {
      await terminal[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** One request to its server, which is given up after a while: its first answers may never come. */
  async ask(method: string, path: string, body?: unknown): Promise<Response> {
    return await fetch(`${this.url}${path}`, {
      method,
      headers: { ...AUTHORIZED, "content-type": "application/json" },
      signal: AbortSignal.timeout(20_000),
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
  }

  // biome-ignore lint/suspicious/noExplicitAny: the host's own records.
  async json(method: string, path: string, body?: unknown): Promise<any> {
    return await (await this.ask(method, path, body)).json();
  }

  /** Starts a run of `session`, or joins the one that is under way; `mark` stays with the words in its records. */
  async prompt(session: string, text: string, mark?: Readonly<Record<string, string>>): Promise<Response> {
    const parts = [{ type: "text", text, ...(mark === undefined ? {} : { metadata: mark }) }];
    return await this.ask("POST", `/session/${session}/prompt_async`, { parts });
  }

  /** Resolves once nothing of `session` runs. */
  async idle(session: string): Promise<void> {
    await eventually("a session that is idle", async () => {
      const status = await this.json("GET", "/session/status");
      return status[session] === undefined || status[session].type === "idle" || undefined;
    });
  }

  /** What its server says from now on, oldest first; the list grows. */
  // biome-ignore lint/suspicious/noExplicitAny: the host's own records.
  listen(): any[] {
    // biome-ignore lint/suspicious/noExplicitAny: the host's own records.
    const events: any[] = [];
    void this.#read(events).catch(() => {}); // It ends with the server.
    return events;
  }

  async #read(events: unknown[]): Promise<void> {
    const { body } = await fetch(`${this.url}/event`, { headers: AUTHORIZED });
    let rest = "";
    for await (const text of body!.pipeThrough(new TextDecoderStream())) {
      const whole = (rest + text).split("\n\n");
      rest = whole.pop()!;
      for (const event of whole) events.push(JSON.parse(event.replace(/^data: /, "")));
    }
  }

  /** Ends it as its user does. */
  async quit(): Promise<number> {
    return await quit(this.terminal);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.terminal[Symbol.asyncDispose]();
  }
}

/** Ends it as its user does; a Ctrl-C that finds something typed only takes that away. */
export async function quit(terminal: HostTerminal): Promise<number> {
  await terminal.pressUntil("\x03", "its end", () => terminal.hasEnded);
  return await terminal.ended();
}

/** Tests run in a network namespace of their own: nobody else takes it meanwhile. */
function freePort(): number {
  const server = Bun.serve({ hostname: "127.0.0.1", port: 0, fetch: () => new Response() });
  const { port } = server;
  server.stop(true);
  return port!;
}
