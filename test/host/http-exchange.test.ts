import { afterAll, describe, expect, test } from "bun:test";
import { type HttpQuestion, httpExchange, safeUrl } from "../../src/host/http-exchange.ts";
import { realClock } from "../../src/host/real-clock.ts";

describe("a URL that is asked", () => {
  test.each([
    "https://esp.example/x?y",
    "https://192.0.2.1:8443/",
    "https://[2001:db8::1]/",
    "http://127.0.0.1:8787",
    "http://localhost/x",
    "http://[::1]:1/",
    "https://127.0.0.1/",
  ])("may be %s", (text) => {
    expect(safeUrl("a", text).href).toStartWith(text.slice(0, 12));
  });

  test.each([
    ["", "an absolute https URL"],
    ["esp.example", "an absolute https URL"],
    ["ftp://esp.example", "an absolute https URL"],
    ["file:///etc/passwd", "an absolute https URL"],
    ["https://u@esp.example", "without user or password"],
    ["http://esp.example", "http is for this machine alone"],
    ["http://esp.local", "http is for this machine alone"],
    ["http://127.0.0.1.example", "http is for this machine alone"],
    ["https://10.0.0.1", "private network"],
    ["https://172.16.5.5/x", "private network"],
    ["https://169.254.169.254/latest", "private network"],
    ["https://0xa000001/", "private network"],
    ["https://167772161/", "private network"],
    ["https://[fd00::1]/", "private network"],
    ["https://[::ffff:192.168.0.1]/", "private network"],
    ["https://[fe80::1]/", "private network"],
    ["https://0.0.0.0/", "private network"],
    ["https://esp.internal/", "private network"],
    ["https://ESP.Local./", "private network"],
    ["https://printer.home.arpa/", "private network"],
    ["https://nas.lan:8443/", "private network"],
    ["https://directory/", "private network"],
  ])("may not be %p", (text, reason) => {
    expect(() => safeUrl("a flag", text)).toThrow(`a flag: expected `);
    expect(() => safeUrl("a flag", text)).toThrow(reason);
  });
});

describe("an answer", () => {
  let answer: (request: Request) => Response | Promise<Response> = () => new Response("{}");
  const server = Bun.serve({ hostname: "127.0.0.1", port: 0, fetch: (request) => answer(request) });
  afterAll(() => server.stop(true));
  const url = new URL(`http://127.0.0.1:${server.port}/v1/SECRET/x`);
  const ask = (question: Partial<HttpQuestion> = {}) =>
    httpExchange({ method: "GET", url, timeoutMs: 60_000, maxBytes: 1024, clock: realClock, ...question });

  test("is given with its status, whatever that is, and what was asked is JSON", async () => {
    answer = async (request) =>
      Response.json([request.method, request.headers.get("content-type"), await request.text()], { status: 418 });
    const { body, status } = await ask({ method: "POST", body: new TextEncoder().encode('{"a":1}') });
    expect(status).toBe(418);
    expect(JSON.parse(new TextDecoder().decode(body))).toEqual(["POST", "application/json", '{"a":1}']);
    answer = () => new Response(null, { status: 204 });
    expect(await ask()).toMatchObject({ status: 204, body: new Uint8Array(0) });
  });

  test.each([
    ["a redirect", () => Response.redirect("https://other.example/"), /redirect \(302\), which is not followed/],
    ["more than may be read", () => new Response("x".repeat(1025)), /more than 1 KiB/],
    [
      "more, without saying how much",
      () => new Response(new ReadableStream({ pull: (to) => to.enqueue(new Uint8Array(700).fill(32)) })),
      /more than 1 KiB/,
    ],
    ["no UTF-8", () => new Response(new Uint8Array([0xc3, 0x28])), /no UTF-8/],
    [
      "packed bytes",
      () => new Response(Bun.gzipSync(new Uint8Array(9)), { headers: { "Content-Encoding": "gzip" } }),
      /no UTF-8/,
    ],
  ])("of %s is refused by the server's name, and not by the path", async (_, given, reason) => {
    answer = given;
    await expect(ask()).rejects.toMatchObject({ code: "unavailable", message: expect.stringMatching(reason) });
    await expect(ask()).rejects.toMatchObject({ message: expect.not.stringContaining("SECRET") });
  });

  test("that does not come, or drop by drop, is given up in time; so is one that nobody waits for", async () => {
    const timer = { timeoutMs: 50 };
    answer = () => new Promise(() => {});
    await expect(ask(timer)).rejects.toMatchObject({
      code: "timeout",
      message: `${url.origin}: no whole answer within 50 ms`,
    });
    answer = () =>
      new Response(
        new ReadableStream({
          async pull(to) {
            to.enqueue(new Uint8Array([32]));
            await new Promise((resolve) => setTimeout(resolve, 5));
          },
        }),
      );
    await expect(ask(timer)).rejects.toMatchObject({ code: "timeout" });
    const left = new AbortController();
    answer = () => {
      left.abort(new Error("gone"));
      return new Promise<Response>(() => {});
    };
    await expect(ask({ signal: left.signal })).rejects.toThrow("gone");
    await expect(ask({ signal: left.signal })).rejects.toThrow("gone");
  });

  test("of nobody says so", async () => {
    await expect(ask({ url: new URL("http://127.0.0.1:1/SECRET") })).rejects.toMatchObject({
      code: "unavailable",
      message: expect.stringMatching(/^http:\/\/127\.0\.0\.1:1: cannot be reached: (?!.*SECRET)/),
    });
  });
});
