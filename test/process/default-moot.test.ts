import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { GroupId } from "../../src/core/ids.ts";
import { DaemonNode } from "../support/daemon.ts";
import { DESCRIPTOR_KEY, descriptorOf } from "../support/default-moot.ts";
import { EspServer } from "../support/esp-server.ts";
import { inNetns } from "../support/netns.ts";
import { TemporaryDirectory } from "../support/temporary-directory.ts";

const ISSUED_MS = 1_700_000_000_000n;

inNetns(import.meta, () => {
  describe("The Ent Moot", () => {
    const home = new TemporaryDirectory();
    const esp = new EspServer();
    const env = {
      ENTMOOT_DEFAULT_MOOT_DESCRIPTOR_URL: `${esp.url}/the-ent-moot.json`,
      ENTMOOT_DEFAULT_MOOT_DESCRIPTOR_PUBKEY: DESCRIPTOR_KEY,
    };
    const founder = new DaemonNode(home.path, "founder", { env: { ENTMOOT_ESP_URL: esp.url } });
    const alone = new DaemonNode(home.path, "alone", { env });
    const served = new DaemonNode(home.path, "served", { env });
    const stranger = new DaemonNode(home.path, "stranger", { env });
    // biome-ignore lint/suspicious/noExplicitAny: what the command printed.
    let moot: any;
    let body: Uint8Array<ArrayBuffer>;
    const serve = (answer: () => Response) => {
      esp.instead = ({ path }) => (path === "/the-ent-moot.json" ? answer() : undefined);
    };
    const descriptor = (changes: Partial<Parameters<typeof descriptorOf>[0]> = {}) =>
      descriptorOf({
        group_id: GroupId.fromBytes(Uint8Array.fromBase64(moot.group_id)),
        issuer: { ...moot.founder, entmoot_pubkey: Uint8Array.fromBase64(moot.founder.entmoot_pubkey) },
        link: moot.open_invite.link,
        issued_at_ms: ISSUED_MS,
        ...changes,
      });
    const ask = (node: DaemonNode, ...words: string[]) => node.run(["default-moot", ...words]);

    beforeAll(async () => {
      await Promise.all([founder.serve(), served.serve()]);
      esp.serves(await founder.client());
      moot = await founder.ask(["group", "create", "-name", "The Ent Moot", "-join-mode", "open_invite"]);
      body = descriptor();
      serve(() => new Response(body));
    });

    afterAll(async () => {
      for (const each of [founder, alone, served, stranger]) await each[Symbol.asyncDispose]();
      await esp[Symbol.asyncDispose]();
      home[Symbol.dispose]();
    });

    test("is told of where nothing is, and looking makes nothing", async () => {
      const status = await stranger.ask(["default-moot", "status", "-json"]);
      expect(Object.keys(status)).toEqual([
        "consent",
        "descriptor_url",
        "descriptor_verified",
        "group_id",
        "joined",
        "policy",
        "policy_summary",
        "live_enabled",
        "hide_ip_requested",
        "turn_available",
        "turn_error",
        "local_state",
        "recommended_live_config",
      ]);
      expect(status).toMatchObject({ consent: "unconfigured", descriptor_verified: true, joined: false });
      const text = await ask(stranger, "status");
      expect(text.status).toBe(0);
      expect(text.stdout.split("\n").map((line) => line.split(":")[0])).toEqual([
        "consent",
        "descriptor_verified",
        "group_id",
        "joined",
        "live_enabled",
        "hide_ip_requested",
        "turn_available",
        "policy",
        "",
      ]);
      expect(await ask(stranger, "join", "-dry-run")).toMatchObject({
        status: 0,
        stdout: `verified The Ent Moot (${moot.group_id})\n`,
      });
      expect(() => readFileSync(join(stranger.data, "default_moot.json"))).toThrow();
    });

    test("is joined by its owner's word alone, which is kept, and the introduction is published by a daemon", async () => {
      const joined = await served.ask(["default-moot", "join", "-json", "-intro", "  hello, I look after builds "]);
      expect(joined).toEqual({
        descriptor_url: env.ENTMOOT_DEFAULT_MOOT_DESCRIPTOR_URL,
        group_id: moot.group_id,
        intro_published: true,
        intro_status: "published",
        name: "The Ent Moot",
        status: "joined",
      });
      expect(await served.ask(["query", "-topic", "introductions"])).toMatchObject({
        content: "hello, I look after builds",
      });
      expect(JSON.parse(readFileSync(join(served.data, "default_moot.json"), "utf8"))).toEqual({
        consent: "joined",
        group_id: moot.group_id,
        descriptor_url: env.ENTMOOT_DEFAULT_MOOT_DESCRIPTOR_URL,
        descriptor_issued_at_ms: Number(ISSUED_MS),
        updated_at_ms: expect.any(Number),
      });
      expect(await served.group()).toMatchObject({ name: "The Ent Moot", policy: "standard" });
      const without = await ask(alone, "join", "-intro", "hello");
      expect(without.status).toBe(0);
      expect(without.stdout).toBe(
        `joined The Ent Moot (${moot.group_id})\nskipped introduction publish: no running Entmoot daemon\n`,
      );
      expect(await served.ask(["default-moot", "status", "-json"])).toMatchObject({
        joined: true,
        last_local_message_at_ms: expect.any(Number),
      });
    });

    test("lets an agent answer by itself only when that is said, and for this key alone", async () => {
      const node = (await served.group()).local_node_id;
      expect(await ask(served, "live", "on", "-node", "7")).toMatchObject({ status: 2, stdout: "" });
      expect(await ask(served, "live", "on", "-node", "0")).toMatchObject({ status: 5, stdout: "" });
      expect(await ask(stranger, "live", "on", "-node", "7")).toMatchObject({ stdout: "" });
      expect(await served.ask(["default-moot", "live", "on", "-node", `${node}`, "-json"])).toMatchObject({
        node_id: node,
      });
      expect((await ask(served, "live", "off", "-node", "7")).stdout).toBe("disabled 0 The Ent Moot live config(s)\n");
      const on = await ask(served, "live", "on", "-node", `${node}`);
      expect(on.stdout).toBe(`enabled The Ent Moot live replies for node ${node}\n`);
      expect(await served.ask(["default-moot", "status", "-json"])).toMatchObject({
        live_enabled: true,
        allowed_live_actions: ["reply"],
      });
      expect(await served.ask(["default-moot", "live", "off", "-json"])).toEqual({
        disabled: 1,
        group_id: moot.group_id,
      });
      expect(await served.ask(["default-moot", "live", "off", "-json"])).toEqual({
        disabled: 0,
        group_id: moot.group_id,
      });
      await ask(served, "live", "on", "-node", `${node}`);
    });

    test("is left as far as this node goes: nothing answers, and serve leaves it out until it is joined again", async () => {
      const left = await ask(served, "leave", "-json");
      expect(left.status).toBe(0);
      expect(JSON.parse(left.stdout)).toEqual({
        group_id: moot.group_id,
        live_configs_disabled: 1,
        status: "local_participation_disabled",
      });
      // At once, in the daemon that runs.
      expect(await served.ask(["info"])).toMatchObject({
        running: true,
        groups: [],
        unopened: [{ group_id: moot.group_id, reason: expect.stringContaining("declined here") }],
      });
      expect(served.daemon.stderr).toContain("declined here, so this node takes no part in it");
      const atOnce = await served.run(["publish", "-group", moot.group_id, "-topic", "a", "-content", "b"]);
      expect(atOnce).toMatchObject({ status: 3, stdout: "" });
      await served.end();
      // Nothing else is here: by name and without, there is nothing to serve.
      for (const flags of [[], ["-group", moot.group_id]]) {
        const refused = await served.run(["serve", ...flags]);
        expect(refused).toMatchObject({ status: 3, stdout: "" });
        expect(refused.stderr).toContain("default-moot join");
      }
      const other = await served.ask(["group", "create", "-name", "other"]);
      const ready = await served.serve();
      expect(ready.group_ids).toEqual([other.group_id]);
      expect(served.daemon.stderr).toContain("declined here, so this node takes no part in it");
      const spoken = await served.run(["publish", "-group", moot.group_id, "-topic", "a", "-content", "b"]);
      expect(spoken).toMatchObject({ status: 3, stdout: "" });
      expect(spoken.stderr).toContain("default-moot join");
      // A link alone takes nobody back in; the owner's word does, at once.
      expect(await served.run(["join", moot.open_invite.link])).toMatchObject({ status: 3, stdout: "" });
      expect((await ask(served, "live", "on", "-node", "7")).status).toBe(2);
      expect(await served.ask(["default-moot", "join", "-json"])).toMatchObject({ status: "joined" });
      expect((await served.ask(["info"])).groups).toHaveLength(2);
    });

    test("is declined before it is joined, without a daemon, and then also kept out by a descriptor at hand", async () => {
      const file = join(home.path, "moot.json");
      writeFileSync(file, body);
      expect(await ask(stranger, "decline")).toMatchObject({ status: 0, stdout: "declined The Ent Moot\n" });
      expect(JSON.parse(readFileSync(join(stranger.data, "default_moot.json"), "utf8"))).toMatchObject({
        consent: "declined",
        group_id: moot.group_id,
      });
      expect(await stranger.ask(["default-moot", "decline", "-json"])).toMatchObject({ consent: "declined" });
      const kept = await stranger.run(["join", file]);
      expect(kept).toMatchObject({ status: 3, stdout: "" });
      expect(kept.stderr).toContain("declined here");
      expect(await founder.group()).toMatchObject({ members: 3 });
      expect(await ask(stranger, "join")).toMatchObject({ status: 0 });
      // A descriptor that was joined by is known to `join` too: nobody is asked again.
      expect(await stranger.ask(["join", file])).toMatchObject({ status: "already_joined" });
    });

    test("with anything but its descriptor nothing is joined or kept, and status says why", async () => {
      const node = new DaemonNode(home.path, "careful", { env });
      const text = new TextDecoder().decode(body);
      const bad: readonly (readonly [() => Response, RegExp])[] = [
        [() => new Response(text.replace("6/min", "7/min")), /signature does not verify/],
        [() => new Response(text.replace('{"type"', '{"more":1,"type"')), /more/],
        [() => new Response(text + text), /invalid descriptor/],
        [() => new Response(new Uint8Array(10 * 1024 * 1024)), /more than 1 MiB/],
        [() => new Response(new Uint8Array([0x7b, 0xff])), /no UTF-8/],
        [() => Response.redirect(`${esp.url}/other`, 302), /redirect/],
        [() => new Response("", { status: 503 }), /status 503/],
        [() => new Response(""), /invalid descriptor/],
      ];
      // Never answers.
      serve(() => new Response(new ReadableStream({})));
      const late = await ask(node, "join", "-timeout", "200ms");
      expect([late.status === 0, late.stderr]).toEqual([false, expect.stringContaining("200 ms")]);
      for (const [answer, reason] of bad) {
        serve(answer);
        const refused = await ask(node, "join");
        expect(refused).toMatchObject({ status: 1, stdout: "" });
        expect(refused.stderr).toMatch(reason);
        expect(refused.stderr).toContain("defaultmoot: ");
      }
      expect(await node.ask(["default-moot", "status", "-json"])).toMatchObject({
        consent: "unconfigured",
        descriptor_verified: false,
        descriptor_error: expect.stringContaining("defaultmoot: "),
        joined: false,
      });
      for (const [name, value] of [
        ["ENTMOOT_DEFAULT_MOOT_DESCRIPTOR_URL", "http://entmoot.xyz/x"],
        ["ENTMOOT_DEFAULT_MOOT_DESCRIPTOR_URL", "https://192.168.0.1/x"],
        ["ENTMOOT_DEFAULT_MOOT_DESCRIPTOR_PUBKEY", "short"],
      ] as const) {
        const refused = await node.run(["default-moot", "join"], { env: { [name]: value } });
        expect(refused).toMatchObject({ status: 1, stdout: "" });
        expect(refused.stderr).toContain("defaultmoot: invalid configuration: ");
      }
      // One signed before the one that was joined by is not taken back.
      serve(() => new Response(descriptor({ issued_at_ms: ISSUED_MS - 1n })));
      expect((await ask(alone, "join")).stderr).toContain("before the one that was joined by");
      // The issuer is another than the signed descriptor says.
      serve(
        () => new Response(descriptor({ issuer: { pilot_node_id: 5, entmoot_pubkey: new Uint8Array(32).fill(5) } })),
      );
      const other = await ask(node, "join");
      expect(other).toMatchObject({ status: 5, stdout: "" });
      expect(other.stderr).toContain("the invite has another issuer than the descriptor");
      expect(() => readFileSync(join(node.data, "default_moot.json"))).toThrow();
    });
  });
});
