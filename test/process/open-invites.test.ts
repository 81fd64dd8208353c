import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { DaemonNode } from "../support/daemon.ts";
import { inNetns } from "../support/netns.ts";
import { TemporaryDirectory } from "../support/temporary-directory.ts";

inNetns(import.meta, () => {
  describe("a daemon that answers HTTP", () => {
    const home = new TemporaryDirectory();
    const a = new DaemonNode(home.path, "a");
    const b = new DaemonNode(home.path, "b");
    let url = "";
    const asked = async (method: string, path: string, body?: object, token = "secret") => {
      const headers = token === "" ? {} : { Authorization: `Bearer ${token}` };
      const answer = await fetch(url + path, { method, headers, ...(body && { body: JSON.stringify(body) }) });
      // biome-ignore lint/suspicious/noExplicitAny: what it says is what is tested.
      return { status: answer.status, json: (await answer.json()) as any };
    };
    const groupPath = (id: string, rest = "") => `/v1/groups/${encodeURIComponent(id)}${rest}`;
    const mootPath = (id: string, rest = "") => `/v1/public-moots/${encodeURIComponent(id)}${rest}`;
    const found = (name: string, ...flags: string[]) =>
      a.ask(["group", "create", "-name", name, ...flags], { env: { ENTMOOT_ESP_URL: url } });

    beforeAll(async () => {
      ({ esp_url: url } = await a.startDaemon(["serve", "-esp", "127.0.0.1:0", "-esp-token", "secret"], "serving"));
    });

    afterAll(async () => {
      for (const each of [a, b]) await each[Symbol.asyncDispose]();
      home[Symbol.dispose]();
    });

    test("lets in whoever joins by its open invites, as long as they last", async () => {
      const { group_id, open_invite } = await found("square", "-join-mode", "open_invite");
      expect(open_invite).toMatchObject({ issuer_url: url, max_uses: 0 });
      expect(await b.ask(["join", open_invite.link])).toMatchObject({ status: "joined", group_id, members: 2 });
      const list = groupPath(group_id, "/open-invites");
      const { json } = await asked("GET", list);
      expect(json.open_invites).toMatchObject([{ id: open_invite.token_hash, use_count: 1, status: "active" }]);
      expect((await asked("GET", list, undefined, "")).status).toBe(401);
      const refused = async (link: string, said: RegExp) => {
        const { status, stderr } = await new DaemonNode(home.path, "c").run(["join", link]);
        expect([status, stderr]).toEqual([5, expect.stringMatching(said)]);
      };
      const issue = (...flags: string[]) =>
        a.ask(["invite", "link", "-group", group_id, "-esp-url", url, ...flags]).then(({ link }) => link as string);
      const [late, one] = [await issue("-valid-for", "1ms"), await issue("-uses", "1")];
      await refused(late, /open invite has expired.*ask for a new one/);
      expect(await new DaemonNode(home.path, "d").ask(["join", one])).toMatchObject({ status: "joined", members: 3 });
      await refused(one, /open invite has no remaining uses.*ask for a new one/);
      const ended = await asked("POST", `${list}/${open_invite.token_hash}/revoke`);
      expect(ended).toMatchObject({ status: 200, json: { open_invite: { status: "revoked", use_count: 1 } } });
      await refused(open_invite.link, /open invite has been revoked/);
      expect((await asked("GET", list)).json.open_invites).toHaveLength(3);
    });

    test("lists public moots as their founders signed them, for whoever reads them, until its operator does not", async () => {
      const { group_id } = await found("<b>town</b> square", "-visibility", "public", "-join-mode", "open_invite");
      const publish = () => a.run(["group", "public", "publish", "-group", group_id, "-esp-url", url, "-json"]);
      const { stdout } = await publish();
      const { descriptor, response } = JSON.parse(stdout);
      expect(response).toMatchObject({ status: "indexed", public_moot: { status: "listed", mirror_state: "member" } });
      const entry = await asked("GET", mootPath(group_id), undefined, "");
      expect(entry.json.public_moot.descriptor).toEqual(descriptor);
      const page = await fetch(`${url}/explore?q=TOWN`);
      expect(await page.text()).toContain("<bdi>&lt;b&gt;town&lt;/b&gt; square</bdi>");
      expect(await b.ask(["join", `${url}${mootPath(group_id)}`])).toMatchObject({ status: "joined", group_id });

      // The key is pinned: the same moot told by another, which signs for itself alone.
      const other = { ...descriptor, founder: { ...descriptor.founder, pilot_node_id: 7 } };
      expect((await asked("POST", "/v1/public-moots", other, "")).json.error.code).toBe("invalid_public_moot");
      const mark = (status: string) => asked("PATCH", mootPath(group_id, "/index-status"), { status });
      expect(await mark("delisted")).toMatchObject({ json: { public_moot: { status: "delisted" } } });
      expect((await asked("GET", mootPath(group_id), undefined, "")).status).toBe(404);
      expect((await publish()).stderr).toContain('does not list it ("delisted")');
      await mark("blocked");
      const blocked = await publish();
      expect([blocked.status, blocked.stderr]).toEqual([1, expect.stringContaining("public_moot_blocked")]);
      expect((await asked("GET", "/v1/public-moots", undefined, "")).json).toEqual({ public_moots: [] });

      // The same at the machine itself, beside the service.
      const directory = (...args: string[]) => a.run(["esp", "directory", ...args]);
      const { public_moots } = await a.ask(["esp", "directory", "list"]);
      expect(public_moots).toMatchObject([{ group_id, status: "blocked", name: "<b>town</b> square" }]);
      expect(await a.ask(["esp", "directory", "set", "-group", group_id, "-status", "listed"])).toMatchObject({
        group_id,
        status: "listed",
      });
      expect((await asked("GET", mootPath(group_id), undefined, "")).status).toBe(200);
      expect(await a.ask(["esp", "directory", "forget", "-group", group_id])).toMatchObject({ status: "forgotten" });
      const refusals: readonly (readonly [args: string[], status: number, said: string])[] = [
        [["forget", "-group", group_id], 5, "the directory has no moot"],
        [["forget", "-group", "x"], 5, "-group: illegal base64"],
        [["set", "-group", group_id, "-status", "gone"], 5, "-status: expected one of listed, pending"],
        [["set", "-group", group_id], 5, "-status is required"],
      ];
      for (const [args, status, said] of refusals) {
        const ended = await directory(...args);
        expect([args, ended.status, ended.stderr]).toEqual([args, status, expect.stringContaining(said)]);
      }
    });
  });
});
