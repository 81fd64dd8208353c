import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { GroupId } from "../../src/core/ids.ts";
import { decodePublicMoot, verifyPublicMoot } from "../../src/core/record/public-moot.ts";
import { DaemonNode } from "../support/daemon.ts";
import { EspServer, failure } from "../support/esp-server.ts";
import { inNetns } from "../support/netns.ts";
import { TemporaryDirectory } from "../support/temporary-directory.ts";

inNetns(import.meta, () => {
  describe("a public moot", () => {
    const home = new TemporaryDirectory();
    const esp = new EspServer();
    const a = new DaemonNode(home.path, "a", { env: { ENTMOOT_ESP_URL: `${esp.url}/` } });
    const b = new DaemonNode(home.path, "b");
    const c = new DaemonNode(home.path, "c");
    // biome-ignore lint/suspicious/noExplicitAny: what the command printed.
    let created: any;

    beforeAll(async () => {
      await Promise.all([a.serve(), c.serve()]);
      esp.serves(await a.client());
      const flags = [
        "-visibility",
        "PUBLIC",
        "-join-mode",
        "open_invite",
        "-tag",
        "ägents",
        "-description",
        "A <b> & more",
      ];
      created = await a.ask(["group", "create", "-name", "town square", ...flags]);
    });

    afterAll(async () => {
      for (const each of [a, b, c]) await each[Symbol.asyncDispose]();
      await esp[Symbol.asyncDispose]();
      home[Symbol.dispose]();
    });

    const publish = (...flags: string[]) => a.run(["group", "public", "publish", "-esp-url", esp.url, ...flags]);

    test("is made with an open invite that is redeemed at the service, and the command that lists it", () => {
      const { group_id, next_public_descriptor_command, open_invite } = created;
      expect(created).toMatchObject({ visibility: "public", join_mode: "open_invite" });
      expect(Object.keys(open_invite)).toEqual(["token", "token_hash", "link", "issuer_url", "max_uses", "id"]);
      expect(open_invite).toMatchObject({ issuer_url: esp.url, max_uses: 0 });
      expect(open_invite.link).toBe(
        `entmoot://open-invite?issuer=${encodeURIComponent(esp.url)}&token=${open_invite.token}`,
      );
      expect(next_public_descriptor_command).toBe(
        `entmootd group public publish -group ${group_id} -esp-url ${esp.url}/ --json`,
      );
    });

    test("is listed, and whoever reads the directory joins and is heard", async () => {
      const { stdout } = await a.run(["group", "public", "descriptor", "-json"]);
      const descriptor = decodePublicMoot(new TextEncoder().encode(stdout));
      expect(verifyPublicMoot(descriptor)).toMatchObject({ issuer_url: esp.url, token: created.open_invite.token });
      expect(await publish("-group", "elsewhere")).toMatchObject({ status: 3, stdout: "" });
      const published = await a.ask(["group", "public", "publish", "-esp-url", esp.url, "-json", "-valid-for", "2h"]);
      expect(published.descriptor.expires_at_ms - published.descriptor.updated_at_ms).toBe(7_200_000);
      expect(Object.keys(published)).toEqual(["status", "group_id", "esp_url", "descriptor", "response"]);
      expect(published.response).toMatchObject({ status: "indexed", public_moot: { status: "listed" } });
      const entry = `${esp.url}/v1/public-moots/${encodeURIComponent(created.group_id)}`;
      const joined = await b.ask(["join", entry]);
      expect(joined).toMatchObject({ status: "joined", group_id: created.group_id, members: 2 });
      expect(await b.group()).toMatchObject({ name: "town square", local_member: true });
      // Through a daemon too, by the link alone and as it was pasted; again without asking for another place.
      const pasted = `"${created.open_invite.link}",`;
      expect(await c.ask(["join", pasted])).toMatchObject({ status: "joined", members: 3 });
      expect(await c.ask(["join", JSON.stringify(created)])).toMatchObject({ status: "already_joined" });
      expect(await a.ask(["invite", "list", "-group", created.group_id])).toMatchObject({
        links: [{ used: 2, status: "active" }],
      });
    });

    test("the directory's word is told: what is older, delisted or blocked", async () => {
      const group = GroupId.fromBytes(Uint8Array.fromBase64(created.group_id));
      esp.setStatus(group, "delisted");
      expect((await publish()).stderr).toContain('does not list it ("delisted")');
      esp.setStatus(group, "blocked");
      const blocked = await publish();
      expect(blocked).toMatchObject({ status: 1, stdout: "" });
      expect(blocked.stderr).toContain(
        "refused the descriptor: status 403: public_moot_blocked: public moot is blocked",
      );
      esp.setStatus(group, "listed");
    });

    test("a service that answers with anything but an answer is refused, in time and by its name", async () => {
      const bad: readonly (readonly [() => Response, RegExp])[] = [
        [
          () => Response.redirect(`${esp.url}/elsewhere`, 307),
          /answered with a redirect \(307\), which is not followed/,
        ],
        [() => new Response(new Uint8Array(10 * 1024 * 1024)), /more than 1 MiB/],
        [() => new Response(new Uint8Array([0x22, 0xff, 0x22])), /no UTF-8/],
        [() => new Response("<html>", { status: 200 }), /not JSON|expected/],
        [() => new Response("gone", { status: 502 }), /502|answered/],
      ];
      for (const [answer, reason] of bad) {
        for (const args of [
          ["group", "public", "publish", "-esp-url", esp.url],
          ["join", created.open_invite.link],
        ]) {
          esp.instead = answer;
          const node = args[0] === "join" ? new DaemonNode(home.path, "d") : a;
          const refused = await node.run(args);
          expect({ args, ...refused }).toMatchObject({ status: 1, stdout: "" });
          expect(refused.stderr).toMatch(reason);
          // The token is in the path.
          expect(refused.stderr).not.toContain(created.open_invite.token);
        }
      }
      // One that says nothing is given up with the time that the joiner gives.
      esp.instead = () => new Promise(() => {});
      const slow = await new DaemonNode(home.path, "d").run(["join", created.open_invite.link, "-timeout", "1s"]);
      expect(slow).toMatchObject({ status: 1, stdout: "" });
      expect(slow.stderr).toMatch(/no whole answer within/);
      esp.instead = undefined;
    });

    test("an issuer's refusal has the original's status, and one that wants Pilot is named", async () => {
      const d = new DaemonNode(home.path, "d");
      const refused = async (code: string, http: number, status: number, said: RegExp) => {
        esp.instead = ({ path }) =>
          path.endsWith("/redeem") ? failure(http, code, `${code.replaceAll("_", " ")} \u001b[2J`) : undefined;
        const ended = await d.run(["join", created.open_invite.link]);
        expect(ended).toMatchObject({ status, stdout: "" });
        expect(ended.stderr).toMatch(said);
        expect(ended.stderr).not.toContain("\u001b");
      };
      await refused("open_invite_expired", 409, 5, /refused: open invite expired.*ask for a new one/);
      await refused("open_invite_not_found", 404, 5, /ask for a new one/);
      await refused("open_invite_challenge_limit", 429, 1, /try again/);
      await refused("pilot_identity_mismatch", 409, 5, /admits only nodes of Pilot.*entmootd invite link/);
      esp.instead = undefined;
      await a.ask(["invite", "revoke", "-group", created.group_id, "-id", created.open_invite.link]);
      const gone = await d.run(["join", created.open_invite.link]);
      expect(gone).toMatchObject({ status: 5 });
      expect(gone.stderr).toContain("open invite has been revoked");
      const dead = await a.run(["group", "public", "descriptor"]);
      expect(dead).toMatchObject({ status: 5 });
      expect(dead.stderr).toContain("its open invite lets nobody in any more");
    });

    test("what strangers could have made is refused before anybody is asked", async () => {
      const d = new DaemonNode(home.path, "d");
      await a.ask(["invite", "link", "-esp-url", esp.url, "-uses", "0", "-valid-for", "never"]);
      const { stdout } = await a.run(["group", "public", "descriptor", "-json"]);
      esp.asked.length = 0;
      const file = join(home.path, "moot.json");
      const inputs: readonly (readonly [string, RegExp])[] = [
        [stdout.replace("town square", "town squaret"), /signature/],
        [stdout.replace('{"type"', '{"extra":1,"type"'), /extra/],
        [stdout.replace('"join_mode":"open_invite"', '"join_mode":"invite_only"'), /invite_only/],
        [stdout + stdout, /./],
      ];
      for (const [input, reason] of inputs) {
        writeFileSync(file, input);
        const refused = await d.run(["join", file]);
        expect(refused).toMatchObject({ status: 5, stdout: "" });
        expect(refused.stderr).toMatch(reason);
      }
      for (const issuer of [
        "http://esp.example",
        "http://x.local",
        "https://10.0.0.1",
        "https://[fd00::1]",
        "https://u:p@esp.example",
      ]) {
        const refused = await d.run(["join", `entmoot://open-invite?issuer=${encodeURIComponent(issuer)}&token=t`]);
        expect(refused).toMatchObject({ status: 5, stdout: "" });
        expect(refused.stderr).toMatch(/open invite: (issuer|expected)/);
      }
      expect(esp.asked).toEqual([]);
    });

    test("with another founder than its descriptor says is not joined", async () => {
      const d = new DaemonNode(home.path, "d");
      const other = await c.ask(["group", "create", "-name", "lure", "-visibility", "public"]);
      const issued = await c.ask(["invite", "link", "-group", other.group_id, "-esp-url", esp.url]);
      esp.serves(await c.client());
      // The right group and signature, and an issuer that hands out its own moot's challenge.
      const { stdout } = await a.run(["group", "public", "descriptor", "-group", created.group_id, "-json"]);
      const token = JSON.parse(stdout).open_invite.token;
      esp.instead = async ({ body, method, path }) => {
        if (!path.includes(token)) return undefined;
        return fetch(`${esp.url}${path.replace(token, issued.token)}`, { method, body });
      };
      writeFileSync(join(home.path, "moot.json"), stdout);
      const refused = await d.run(["join", join(home.path, "moot.json")]);
      expect(refused).toMatchObject({ stdout: "" });
      expect(refused.stderr).toMatch(/challenge that is not signed here \(bad_token\)/);
      esp.instead = undefined;
    });
  });

  test("without a daemon no open invite is made that nobody could redeem, and nothing is left", async () => {
    using home = new TemporaryDirectory();
    await using a = new DaemonNode(home.path, "a", { env: { ENTMOOT_ESP_URL: "https://esp.example" } });
    const refused = await a.run(["group", "create", "-name", "x", "-join-mode", "open_invite"]);
    expect(refused).toMatchObject({ status: 1, stdout: "" });
    expect(refused.stderr).toContain("needs a running daemon; start one with");
    expect(await a.ask(["info"])).toMatchObject({ groups: [] });
  });
});
