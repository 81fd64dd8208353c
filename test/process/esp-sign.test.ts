import { expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { decodeBase64 } from "../../src/core/bytes/base64.ts";
import { sign } from "../../src/core/signature.ts";
import { DaemonNode, eventually } from "../support/daemon.ts";
import { identity } from "../support/identity.ts";
import { inNetns } from "../support/netns.ts";
import { TemporaryDirectory } from "../support/temporary-directory.ts";

/** What curl got: the status, and the body as JSON. */
async function curl(...args: string[]) {
  const run = Bun.spawn(["curl", "-s", "-g", "--path-as-is", "-w", "\n%{http_code}", ...args], { stdout: "pipe" });
  const said = await new Response(run.stdout).text();
  const at = said.lastIndexOf("\n");
  const body = said.slice(0, at);
  return { status: Number(said.slice(at + 1)), json: body === "" ? undefined : JSON.parse(body) };
}

/** A request as a route has it kept. */
interface Asked {
  readonly id: string;
  readonly signing_payload: string;
  readonly signing_payload_sha256: string;
}

/** A phone with a key of its own, at a service that may come and go. */
class Phone {
  url = "";
  readonly #node: DaemonNode;
  readonly #home: string;
  readonly #seed: Uint8Array;
  #files = 0;

  constructor(node: DaemonNode, home: string, privateKey: string) {
    this.#node = node;
    this.#home = home;
    writeFileSync(join(home, "key.txt"), privateKey);
    this.#seed = decodeBase64(privateKey.padEnd(Math.ceil(privateKey.length / 4) * 4, "="))!.subarray(0, 32);
  }

  async send(method: string, path: string, json?: unknown) {
    const file = join(this.#home, `body-${this.#files++}.json`);
    writeFileSync(file, json === undefined ? "" : JSON.stringify(json));
    const key = join(this.#home, "key.txt");
    const args = ["-device", "phone", "-private-key-file", key, "-method", method, "-path", path, "-body", file];
    const { headers } = await this.#node.ask(["esp", "sign-request", ...args]);
    const shown = Object.entries(headers).flatMap(([name, value]) => ["-H", `${name}: ${value}`]);
    const body = json === undefined ? [] : ["--data-binary", `@${file}`];
    return await curl("-X", method, ...shown, ...body, `${this.url}${path}`);
  }

  /** Has something signed, by its own key unless it is by another. */
  async complete({ id, signing_payload, signing_payload_sha256 }: Asked, seed = this.#seed) {
    const signature = sign(seed, Buffer.from(signing_payload, "base64")).toBase64();
    return await this.send("POST", `/v1/sign-requests/${id}/complete`, { signature, signing_payload_sha256 });
  }

  async statusOf({ id }: Asked): Promise<string> {
    return (await this.send("GET", `/v1/sign-requests/${id}`)).json?.status;
  }
}

inNetns(import.meta, () => {
  test("a phone founds a moot and writes in it, once, though the service and the daemon are killed in the middle", async () => {
    using home = new TemporaryDirectory();
    await using node = new DaemonNode(home.path, "a");
    const council = await node.ask(["group", "create", "-name", "council", "-policy", "none"]);
    await node.serve();
    const onboarded = await node.ask(["esp", "device", "onboard", "-id", "phone", "-group", council.group_id]);
    const phone = new Phone(node, home.path, onboarded.private_key);
    const serveEsp = async () => {
      const program = node.spawn(["esp", "serve", "-addr", "127.0.0.1:0", "-auth-mode", "device"]);
      phone.url = JSON.parse(await program.line()).url;
      return program;
    };
    let service = await serveEsp();

    const { sign_request } = (await phone.send("POST", "/v1/groups", { name: "ours", policy_source: "none" })).json;
    const founded = await phone.complete(sign_request);
    expect(founded).toMatchObject({ status: 200, json: { status: "completed", result: { status: "joined" } } });
    const { group_id } = founded.json.result;
    const path = `/v1/groups/${encodeURIComponent(group_id)}`;
    expect((await phone.send("GET", path)).json).toMatchObject({ name: "ours", members: 1 });

    // The phone has a member's key of its own, which its founder lets in.
    const member = identity(9);
    const author = { pilot_node_id: member.nodeId, entmoot_pubkey: member.publicKey.toBase64() };
    const invited = (await phone.send("POST", `${path}/invites`, { target: author })).json.sign_request;
    expect((await phone.complete(invited)).json.result).toMatchObject({ status: "created", members: 2 });
    const draft = { author, topics: ["chat"], content: Buffer.from("hello").toString("base64") };
    const asked: Asked = (await phone.send("POST", `${path}/messages`, draft)).json.sign_request;

    // The daemon hears nothing, so that the service ends with the request claimed and not carried out.
    node.daemon.kill("SIGSTOP");
    const cut = phone.complete(asked, member.seed);
    const becomes = (status: string) =>
      eventually(status, async () => ((await phone.statusOf(asked)) === status ? true : undefined));
    await becomes("executing");
    expect((await phone.complete(asked, member.seed)).json.error.code).toBe("sign_request_not_pending");
    service.kill("SIGKILL");
    expect((await cut).status).toBe(0);
    await service.ended();
    node.daemon.kill("SIGKILL");
    await node.daemon.ended();
    service = await serveEsp();
    await becomes("pending");
    // Nobody carries it out, and it is kept for who completes it when somebody does.
    expect(await phone.complete(asked, member.seed)).toMatchObject({
      status: 503,
      json: { error: { code: "join_unavailable" } },
    });
    await node.serve();
    expect(await phone.complete(asked, member.seed)).toMatchObject({
      status: 200,
      json: { publish_result: { message_id: asked.signing_payload_sha256 } },
    });
    const { messages } = (await phone.send("GET", `${path}/messages`)).json;
    expect(messages).toMatchObject([{ content: "hello", author: member.nodeId }]);
    service.kill("SIGTERM");
    expect((await service.ended()).status).toBe(0);
  });
});
