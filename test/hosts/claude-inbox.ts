import { eventually } from "../support/eventually.ts";
import { Claude, claudeHome } from "./claude.ts";
import type { HostHome } from "./host-home.ts";
import type { HostEnv } from "./host-terminal.ts";
import { Probe } from "./probe.ts";
import { StubModel } from "./stub/stub-model.ts";

/** Claude Code on a terminal with the probe among its servers, and its inbox as a child of it reaches it. */
export class ClaudeInbox implements AsyncDisposable {
  readonly model: StubModel;
  readonly home: HostHome;
  readonly probe: Probe;
  readonly claude: Claude;
  /** As the probe's environment names it. */
  readonly socket: string;
  readonly #token: string;

  private constructor(model: StubModel, claude: Claude, probe: Probe, env: Readonly<Record<string, string>>) {
    this.model = model;
    this.home = claude.home;
    this.claude = claude;
    this.probe = probe;
    this.socket = env.CLAUDE_CODE_MESSAGING_SOCKET!;
    this.#token = env.CLAUDE_CODE_MESSAGING_TOKEN!;
  }

  static async start(
    args: readonly string[],
    { env = {}, before }: { env?: HostEnv; before?: (home: HostHome) => Promise<void> } = {},
  ): Promise<ClaudeInbox> {
    const model = new StubModel();
    const home = claudeHome(model, env);
    try {
      const probe = new Probe(home.path);
      await home.run(["mcp", "add", "--scope", "user", "probe", "--", ...probe.command]);
      await before?.(home);
      const claude = await Claude.start(home, args);
      return new ClaudeInbox(model, claude, probe, (await probe.started()).env);
    } catch (error) {
      await home[Symbol.asyncDispose]();
      model[Symbol.dispose]();
      throw error;
    }
  }

  /** One message as the session takes it; `more` replaces parts of it. */
  frame(text: string, more: object = {}): { readonly msg_id: string } {
    const message = { role: "user", content: text };
    return {
      ...{ type: "user", msgV: 1, from: "uds:/none.sock", priority: "next", message },
      msg_id: crypto.randomUUID(),
      ...more,
    };
  }

  /** Has the child send `text` with the token that it was given, and gives the id. */
  async send(text: string, more: object = {}): Promise<string> {
    const frame = this.frame(text, more);
    await this.probe.relay(this.socket, [{ type: "auth", token: this.#token }, frame]);
    return frame.msg_id;
  }

  /** The kind of entry in its own records that names the message `id`, once there is one; they follow what happens. */
  async evidence(id: string): Promise<string> {
    return await eventually(`a record of ${id}`, () => this.evidenceNow(id));
  }

  evidenceNow(id: string): string | undefined {
    for (const entry of this.claude.transcript) {
      if (entry.origin?.msg_id === id) return entry.type;
      if (entry.attachment?.origin?.msg_id === id) return `${entry.type}/${entry.attachment.type}`;
    }
    return undefined;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.claude[Symbol.asyncDispose]();
    await this.home[Symbol.asyncDispose]();
    this.model[Symbol.dispose]();
  }
}
