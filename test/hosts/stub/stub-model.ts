import { isIsolated } from "../../../scripts/netns.ts";
import { eventually } from "../../support/eventually.ts";
import { respond, type Said } from "./answers.ts";
import { type Item, itemsOf, newestOf, type Protocol, toolCalled, toolsOf } from "./conversation.ts";

const PATHS: Readonly<Record<string, Protocol>> = {
  "/v1/messages": "messages",
  "/v1/responses": "responses",
  "/v1/chat/completions": "chat",
};

type Arguments = Readonly<Record<string, unknown>>;

/** What the model says: words, or a call of a tool by the name that its server gives it, with what it read. */
export type Answer =
  | { readonly text: string }
  | { readonly call: string; readonly with: Arguments | ((read: string) => Arguments) };

/** The tool by which a model has Claude Code load others. */
const SEARCH = "ToolSearch";
/** Claude Code asks this way whether a tool may be called, in the mode where its user is not asked. */
const MONITOR = /You are a security monitor/;

/** One question of a host to its model. */
export interface ModelRequest {
  readonly protocol: Protocol;
  /** When it came, by the steady clock. */
  readonly atMs: number;
  // biome-ignore lint/suspicious/noExplicitAny: the body of a request is whatever a host sends.
  readonly body: any;
  readonly items: readonly Item[];
  /** What is new in it: the items after the model's last words. */
  readonly newest: readonly Item[];
  /** By the names that a call of them has to use. */
  readonly tools: readonly string[];
}

/** What the model saw of a text. */
export interface Seen {
  /** In how many requests it was new: how many turns it caused. */
  readonly turns: number;
  /** How often it stands in the conversation: the most in any one request. */
  readonly times: number;
  /** The items it stands in, of the last request that holds it. */
  readonly items: readonly Item[];
}

interface Rule {
  readonly marker: string;
  readonly answer: Answer;
  readonly until: Promise<void>;
  left: number;
  isSearching: boolean;
  arrived(): void;
}

/**
 * A model that says what it was told to, for hosts that are pointed at it: it speaks the Messages, Responses and
 * chat-completions APIs on loopback, and keeps every request. Only for a network namespace with nothing but loopback:
 * a host must reach nobody else.
 */
export class StubModel implements Disposable {
  readonly requests: ModelRequest[] = [];
  /** What was asked at other paths, as `GET /v1/models`. */
  readonly others: string[] = [];
  readonly #rules: Rule[] = [];
  readonly #server: Bun.Server<undefined>;

  constructor() {
    if (!isIsolated()) throw new Error("a stub model belongs into a network namespace of its own; see inNetns");
    this.#server = Bun.serve({
      hostname: "127.0.0.1",
      port: 0,
      idleTimeout: 0,
      fetch: (request) => this.#take(request),
    });
  }

  get url(): string {
    return `http://127.0.0.1:${this.#server.port}`;
  }

  /** The requests of turns: those that offer tools. Hosts ask besides for titles and the like. */
  get turns(): readonly ModelRequest[] {
    return this.requests.filter(({ tools }) => tools.length > 0);
  }

  /** Answers the next turn whose newest items hold `marker`, and `times` in all; others are answered "ok". */
  answer(marker: string, answer: Answer, times = 1): void {
    this.#rules.push({ marker, answer, until: Promise.resolve(), left: times, isSearching: false, arrived() {} });
  }

  /** The next turn whose newest items hold `marker` is kept waiting: its host is busy until `release`. */
  hold(marker: string, answer: Answer = { text: "ok" }): { readonly arrived: Promise<void>; release(): void } {
    const [arrived, until] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    this.#rules.push({ marker, answer, until: until.promise, left: 1, isSearching: false, arrived: arrived.resolve });
    return { arrived: arrived.promise, release: until.resolve };
  }

  seen(text: string): Seen {
    const times = ({ items }: ModelRequest) =>
      items.reduce((sum, item) => sum + (item.by === "model" ? 0 : item.text.split(text).length - 1), 0);
    const holding = this.turns.filter((request) => times(request) > 0);
    return {
      turns: holding.filter(({ newest }) => newest.some((item) => item.text.includes(text))).length,
      times: Math.max(0, ...holding.map(times)),
      items: holding.at(-1)?.items.filter((item) => item.by !== "model" && item.text.includes(text)) ?? [],
    };
  }

  /** Resolves with what was seen of `text`, once there is something. */
  async saw(text: string): Promise<Seen> {
    return await eventually(`a request with ${JSON.stringify(text)}; there were ${this.requests.length}`, () => {
      const seen = this.seen(text);
      return seen.times > 0 ? seen : undefined;
    });
  }

  [Symbol.dispose](): void {
    this.#server.stop(true);
  }

  async #take(request: Request): Promise<Response> {
    const { pathname } = new URL(request.url);
    const protocol = PATHS[pathname];
    if (protocol === undefined || request.method !== "POST") {
      this.others.push(`${request.method} ${pathname}`);
      return Response.json({ error: { message: "not here" } }, { status: 404 });
    }
    const body = JSON.parse(await decodedText(request));
    const items = itemsOf(protocol, body);
    const taken: ModelRequest = {
      protocol,
      atMs: performance.now(),
      body,
      items,
      newest: newestOf(items),
      tools: toolsOf(body).map(({ name, namespace }) => (namespace === undefined ? name : `${namespace}/${name}`)),
    };
    this.requests.push(taken);
    return respond(protocol, body, await this.#sayTo(taken));
  }

  async #sayTo(request: ModelRequest): Promise<Said> {
    const rule = request.tools.length === 0 ? undefined : this.#ruleFor(request);
    if (rule === undefined) return { text: MONITOR.test(request.items[0]?.text ?? "") ? "<block>no</block>" : "ok" };
    rule.arrived();
    await rule.until;
    const { answer } = rule;
    const call = "call" in answer ? toolCalled(request.body, request.items, answer.call) : undefined;
    if ("call" in answer && call === undefined && !rule.isSearching && request.tools.includes(SEARCH)) {
      rule.isSearching = true; // What it finds is the next request.
      return { call: { name: SEARCH }, args: { query: answer.call } };
    }
    rule.left--;
    rule.isSearching = false;
    if ("text" in answer) return answer;
    if (call === undefined) return { text: `(no tool ${answer.call} is offered)` };
    const read = request.items.map(({ text }) => text).join("\n");
    return { call, args: typeof answer.with === "function" ? answer.with(read) : answer.with };
  }

  #ruleFor({ items, newest }: ModelRequest): Rule | undefined {
    return (
      this.#rules.find((rule) => rule.isSearching && hasSearched(items, rule)) ??
      this.#rules.find(({ left, marker }) => left > 0 && newest.some(({ text }) => text.includes(marker)))
    );
  }
}

/** Whether the last thing that the model said in this conversation is the search of `rule`: another goes on beside it. */
function hasSearched(items: readonly Item[], { answer }: Rule): boolean {
  const last = items.findLast(({ by }) => by === "model")?.text ?? "";
  return "call" in answer && last.includes(`"name":"${SEARCH}"`) && last.includes(`"${answer.call}"`);
}

async function decodedText(request: Request): Promise<string> {
  const bytes = new Uint8Array(await request.arrayBuffer());
  const encoding = request.headers.get("content-encoding");
  if (encoding === "zstd") return Bun.zstdDecompressSync(bytes).toString();
  if (encoding === "gzip") return new TextDecoder().decode(Bun.gunzipSync(bytes));
  return new TextDecoder().decode(bytes);
}
