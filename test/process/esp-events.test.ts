import { expect, test } from "bun:test";
import { DaemonNode } from "../support/daemon.ts";
import { inNetns } from "../support/netns.ts";
import { TemporaryDirectory } from "../support/temporary-directory.ts";

interface Told {
  readonly event: string;
  readonly id: string;
  // biome-ignore lint/suspicious/noExplicitAny: as a client that has no types reads it.
  readonly data: any;
}

/** Server-sent events as they come, by the runtime's own HTTP client. */
class Events implements AsyncDisposable {
  readonly #gone = new AbortController();
  readonly #reader: AsyncIterator<Told>;

  private constructor(response: Response, gone: AbortController) {
    this.#gone = gone;
    this.#reader = eventsOf(response);
  }

  static async open(url: string, headers: Record<string, string> = {}): Promise<Events> {
    const gone = new AbortController();
    const response = await fetch(url, { headers: { ...BEARER, ...headers }, signal: gone.signal });
    expect([url, response.status, response.headers.get("content-type")]).toEqual([url, 200, "text/event-stream"]);
    return new Events(response, gone);
  }

  async next(): Promise<Told> {
    const { done, value } = await this.#reader.next();
    return done ? { event: "closed", id: "", data: undefined } : value;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#gone.abort();
  }
}

const BEARER = { authorization: "Bearer secret" };

async function* eventsOf(response: Response): AsyncGenerator<Told> {
  let text = "";
  for await (const piece of response.body!.pipeThrough(
    new TextDecoderStream() as never,
  ) as never as AsyncIterable<string>) {
    text += piece;
    for (let at = text.indexOf("\n\n"); at >= 0; at = text.indexOf("\n\n")) {
      const lines = new Map(
        text
          .slice(0, at)
          .split("\n")
          .map((line) => line.split(/: (.*)/s).slice(0, 2) as [string, string]),
      );
      text = text.slice(at + 2);
      if (lines.has("data")) {
        yield { event: lines.get("event")!, id: lines.get("id")!, data: JSON.parse(lines.get("data")!) };
      }
    }
  }
}

/** The same over a WebSocket. */
class SocketEvents implements Disposable {
  readonly #socket: WebSocket;
  readonly #came: Told[] = [];
  #wake = () => {};
  closed = false;

  constructor(url: string) {
    this.#socket = new WebSocket(url.replace("http", "ws"), { headers: BEARER } as never);
    this.#socket.onmessage = ({ data }) => {
      this.#came.push(JSON.parse(String(data)));
      this.#wake();
    };
    this.#socket.onclose = () => {
      this.closed = true;
      this.#wake();
    };
  }

  async next(): Promise<Told> {
    while (this.#came.length === 0 && !this.closed) await new Promise<void>((resolve) => (this.#wake = resolve));
    return this.#came.shift() ?? { event: "closed", id: "", data: undefined };
  }

  say(text: string): void {
    this.#socket.send(text);
  }

  [Symbol.dispose](): void {
    this.#socket.close();
  }
}

inNetns(import.meta, () => {
  test("messages are told as they arrive, by both ways, inside the daemon and beside it, and go on from an id", async () => {
    using home = new TemporaryDirectory();
    await using node = new DaemonNode(home.path, "a");
    const { group_id } = await node.ask(["group", "create", "-name", "council", "-policy", "none"]);
    const other = await node.ask(["group", "create", "-name", "other", "-policy", "none"]);
    const daemon = node.spawn(["serve", "-esp", "127.0.0.1:0", "-esp-token", "secret"]);
    const { esp_url: within } = JSON.parse(await daemon.line());
    const esp = node.spawn(["esp", "serve", "-addr", "127.0.0.1:0", "-token", "secret"]);
    const { url: beside } = JSON.parse(await esp.line());
    const say = (content: string, topic = "chat", group = group_id) =>
      node.ask(["publish", "-group", group, "-topic", topic, "-content", content]);
    const path = `/v1/groups/${encodeURIComponent(group_id)}/events`;
    let lastId = "";
    {
      await using one = await Events.open(`${within}${path}`);
      await using two = await Events.open(`${beside}/v1/events`);
      await using few = await Events.open(`${within}/v1/events?topic=news/%23&groups=${encodeURIComponent(group_id)}`);
      using three = new SocketEvents(`${beside}${path}`);
      using four = new SocketEvents(`${within}/v1/events`);
      for (const reader of [one, two, few, three, four]) expect((await reader.next()).event).toBe("ready");
      const { message_id } = await say("first");
      for (const reader of [one, two, three, four]) {
        const told = await reader.next();
        expect(told).toMatchObject({ event: "message", data: { content: "first", message_id, topic: ["chat"] } });
        lastId = told.id;
      }
      await say("elsewhere", "chat", other.group_id);
      for (const reader of [two, four]) expect((await reader.next()).data.content).toBe("elsewhere");
      await say("second", "news/a");
      for (const reader of [one, two, few, three, four]) expect((await reader.next()).data.content).toBe("second");
      three.say("nothing is taken here");
      expect((await three.next()).event).toBe("closed");
    }
    // Composite: it goes on in both moots.
    for (const url of [within, beside]) {
      await using again = await Events.open(`${url}/v1/events`, { "last-event-id": lastId });
      expect((await again.next()).event).toBe("ready");
      const missed = [await again.next(), await again.next()].map(({ data }) => data.content);
      expect(missed.toSorted()).toEqual(["elsewhere", "second"]);
    }
    await using all = await Events.open(`${within}${path}?after=all`);
    expect([(await all.next()).event, (await all.next()).data.content]).toEqual(["ready", "first"]);
    // What fits no log here.
    const forged = `${lastId.slice(0, 12)}AAAA`;
    expect((await fetch(`${within}${path}?after=${forged}`, { headers: BEARER })).status).toBe(400);
    expect((await fetch(`${within}${path}`)).status).toBe(401);
    // A graceful end is told, and the same daemon's messages go on beside.
    using told = new SocketEvents(`${within}${path}`);
    await told.next();
    expect((await all.next()).data.content).toBe("second");
    daemon.kill("SIGTERM");
    expect(await all.next()).toMatchObject({ event: "end", data: { code: "service_ending" } });
    expect((await all.next()).event).toBe("closed");
    expect(await told.next()).toMatchObject({ event: "end", data: { code: "service_ending" } });
    expect((await daemon.ended()).status).toBe(0);
    await using alone = await Events.open(`${beside}${path}`);
    await alone.next();
    await node.serve();
    await say("third");
    expect((await alone.next()).data.content).toBe("third");
    esp.kill("SIGTERM");
    expect((await alone.next()).data.code).toBe("service_ending");
    expect((await esp.ended()).status).toBe(0);
  });
});
