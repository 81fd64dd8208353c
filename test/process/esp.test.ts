import { expect, test } from "bun:test";
import { generateKeyPairSync } from "node:crypto";
import { writeFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { DaemonNode } from "../support/daemon.ts";
import { inNetns } from "../support/netns.ts";
import { TemporaryDirectory } from "../support/temporary-directory.ts";

/** What curl got: the status, and the body as JSON. */
async function curl(...args: string[]) {
  const run = Bun.spawn(["curl", "-s", "-S", "-g", "--path-as-is", "-w", "\n%{http_code}", ...args], {
    stdout: "pipe",
    stderr: "inherit",
  });
  const said = await new Response(run.stdout).text();
  expect(await run.exited).toBe(0);
  const at = said.lastIndexOf("\n");
  const body = said.slice(0, at);
  return { status: Number(said.slice(at + 1)), json: body === "" ? undefined : JSON.parse(body) };
}

const BEARER = ["-H", "Authorization: Bearer secret"];

/** What the server answers to bytes, until it closes. */
function rawAnswer(url: string, sent: string): Promise<string> {
  const { hostname, port } = new URL(url);
  const { promise, resolve } = Promise.withResolvers<string>();
  const socket = connect(Number(port), hostname, () => socket.write(sent));
  let answer = "";
  socket.on("data", (data) => {
    answer += data.toString("latin1");
  });
  socket.on("error", () => {});
  socket.on("close", () => resolve(answer));
  return promise;
}

inNetns(import.meta, () => {
  test("a device reads its moot and its mailbox by curl, without a daemon, beside one and after it", async () => {
    using home = new TemporaryDirectory();
    const node = new DaemonNode(home.path, "a");
    await using _ = node;
    const { group_id } = await node.ask(["group", "create", "-name", "council", "-policy", "none"]);
    await node.serve();
    for (const content of ["one", "two"]) await node.ask(["publish", "-topic", "chat", "-content", content]);
    await node.end();
    const onboarded = await node.ask(["esp", "device", "onboard", "-id", "phone", "-group", group_id]);
    expect(Object.keys(onboarded)).toEqual(["device", "private_key", "registry_path"]);
    const key = join(home.path, "key.txt");
    writeFileSync(key, onboarded.private_key);
    const program = node.spawn(["esp", "serve", "-addr", "127.0.0.1:0", "-auth-mode", "device"]);
    const { url } = JSON.parse(await program.line());
    const signed = async (method: string, path: string, body = "") => {
      const file = join(home.path, "body.json");
      writeFileSync(file, body);
      const args = ["-device", "phone", "-private-key-file", key, "-method", method, "-path", path, "-body", file];
      const { headers } = await node.ask(["esp", "sign-request", ...args]);
      const shown = Object.entries(headers).flatMap(([name, value]) => ["-H", `${name}: ${value}`]);
      return curl("-X", method, ...shown, ...(body === "" ? [] : ["--data-binary", `@${file}`]), `${url}${path}`);
    };
    const group = encodeURIComponent(group_id);
    expect((await signed("GET", "/v1/session")).json).toMatchObject({ auth_mode: "device", device: { id: "phone" } });
    expect((await signed("GET", "/v1/status")).json).toMatchObject({ groups: 1, publisher: false });
    expect((await signed("GET", `/v1/groups/${group}`)).json).toMatchObject({ group_id, name: "council", members: 1 });
    const page = await signed("GET", `/v1/groups/${group}/messages?limit=1`);
    expect(page.json).toMatchObject({ client_id: "phone", count: 1, has_more: true, messages: [{ content: "one" }] });
    const { message_id } = page.json.next_cursor;
    const ack = JSON.stringify({ client_id: "phone", group_id, message_id });
    expect(await signed("POST", "/v1/mailbox/ack", ack)).toMatchObject({ status: 200, json: { message_id } });
    expect((await signed("GET", `/v1/groups/${group}/mailbox`)).json.messages).toMatchObject([{ content: "two" }]);
    await node.serve();
    await node.ask(["publish", "-topic", "chat", "-content", "three"]);
    expect((await signed("GET", "/v1/status")).json).toMatchObject({ publisher: true });
    expect((await signed("GET", `/v1/groups/${group}/history?limit=2`)).json.messages).toMatchObject([
      { content: "two" },
      { content: "three" },
    ]);
    await node.end();
    const cursor = `/v1/mailbox/cursor?client_id=phone&group_id=${group}`;
    expect((await signed("GET", cursor)).json).toMatchObject({ unread: 2, cursor: { message_id } });
    expect((await signed("GET", `/v1/groups/${group}/members`)).json.members).toMatchObject([{ founder: true }]);
    await node.ask(["esp", "device", "disable", "-id", "phone"]);
    expect(await signed("GET", "/v1/session")).toMatchObject({
      status: 403,
      json: { error: { code: "device_disabled" } },
    });
    program.kill("SIGTERM");
    expect((await program.ended()).status).toBe(0);
  });

  test("the daemon answers HTTP itself, over TLS too", async () => {
    using home = new TemporaryDirectory();
    const node = new DaemonNode(home.path, "a");
    await using _ = node;
    const [cert, key] = [join(home.path, "cert.pem"), join(home.path, "key.pem")];
    const subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"];
    const made = Bun.spawnSync(
      ["openssl", "req", "-x509", "-newkey", "ed25519", "-nodes", "-keyout", key, "-out", cert, ...subject],
      { stderr: "ignore" },
    );
    expect(made.exitCode).toBe(0);
    const { group_id } = await node.ask(["group", "create", "-name", "council", "-policy", "none"]);
    const tls = ["-esp-tls-cert", cert, "-esp-tls-key", key];
    const program = node.spawn(["serve", "-esp", "127.0.0.1:0", "-esp-token", "secret", ...tls]);
    const { esp_url } = JSON.parse(await program.line());
    expect(esp_url).toStartWith("https://127.0.0.1:");
    const answer = await curl("--cacert", cert, ...BEARER, `${esp_url}/v1/groups`);
    expect(answer).toMatchObject({ status: 200, json: { groups: [{ group_id, name: "council" }] } });
    expect((await curl("--cacert", cert, ...BEARER, `${esp_url}/v1/status`)).json.publisher).toBe(true);
    program.kill("SIGTERM");
    expect((await program.ended()).status).toBe(0);
  });

  test("what is no request, or too much of one, is told so and ended", async () => {
    using home = new TemporaryDirectory();
    await using node = new DaemonNode(home.path, "a");
    const { group_id } = await node.ask(["group", "create", "-name", "council"]);
    const program = node.spawn(["esp", "serve", "-addr", "127.0.0.1:0", "-token", "secret", "-rate-limit", "0"]);
    const { url } = JSON.parse(await program.line());
    const group = encodeURIComponent(group_id);
    const head = "Host: localhost\r\n";
    const statusOf = async (sent: string) => Number((await rawAnswer(url, sent)).split(" ")[1]);
    expect(await statusOf(`GET /healthz HTTP/1.1\r\n${head}X: ${"x".repeat(20_000)}\r\n\r\n`)).toBe(431);
    const lines = Array.from({ length: 150 }, (__, n) => `X-${n}: y\r\n`).join("");
    expect(await statusOf(`GET /healthz HTTP/1.1\r\n${head}Connection: close\r\n${lines}\r\n`)).toBe(431);
    expect(await statusOf("nonsense\r\n\r\n")).toBe(400);
    // A header that does not end, and a body that is only announced.
    const [slow, early] = await Promise.all([
      statusOf(`GET /healthz HTTP/1.1\r\n${head}`),
      statusOf(`POST /v1/mailbox/ack HTTP/1.1\r\n${head}Content-Length: 16777216\r\n\r\n`),
    ]);
    expect([slow, early]).toEqual([408, 413]);
    expect((await curl(...BEARER, `${url}/v1/groups/${group}/../../session`)).status).toBe(404);
    expect((await curl("-H", "Host: evil.example", `${url}/healthz`)).status).toBe(421);
    expect((await curl(...BEARER, `${url}/v1/session`)).status).toBe(200);
  });

  test("what cannot be served is refused with the original's words and status", async () => {
    using home = new TemporaryDirectory();
    await using node = new DaemonNode(home.path, "a");
    const [edwards, text] = [join(home.path, "edwards.p8"), join(home.path, "text.p8")];
    writeFileSync(edwards, generateKeyPairSync("ed25519").privateKey.export({ type: "pkcs8", format: "pem" }));
    writeFileSync(text, "key");
    const ids = ["-apns-team-id", "T", "-apns-key-id", "K", "-apns-topic", "x.y"];
    const apns = (file: string) => [...ids, "-apns-key", file];
    const refusals: readonly (readonly [flags: string[], said: string])[] = [
      [["-auth-mode", "x"], 'esp serve: unknown -auth-mode "x"'],
      [[], "esp serve: -token or ENTMOOT_ESP_TOKEN is required"],
      [["-auth-mode", "dual"], "esp serve: -token or ENTMOOT_ESP_TOKEN is required"],
      ...[":8087", "0.0.0.0:8087", "192.0.2.1:8087", "bad"].map(
        (addr) =>
          [
            ["-token", "t", "-addr", addr],
            `esp serve: -addr ${addr} is not loopback; pass -allow-non-loopback only behind TLS/auth infrastructure`,
          ] as const,
      ),
      [
        ["-token", "t", "-apns-topic", "x"],
        "esp serve: APNs config requires all of -apns-team-id, -apns-key-id, -apns-topic, and -apns-key",
      ],
      [["-token", "t", ...apns("nowhere.p8")], "nowhere.p8: "],
      [["-token", "t", ...apns(edwards)], "APNs key must be ECDSA (P-256)"],
      [["-token", "t", ...apns(text)], "APNs key must be PEM encoded"],
      [["-auth-mode", "device"], "device registry"],
      [["-token", "t", "-tls-cert", "x"], "esp serve: -tls-cert and -tls-key need each other"],
    ].map(([flags, said]) => [flags as string[], said as string]);
    for (const [flags, said] of refusals) {
      const { status, stderr } = await node.spawn(["esp", "serve", ...flags]).ended();
      expect([flags, status, stderr]).toEqual([flags, 5, expect.stringContaining(said)]);
    }
  });
});
