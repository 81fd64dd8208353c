import { expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { SqliteEsp } from "../../src/store/sqlite/sqlite-esp.ts";
import { DaemonNode, eventually } from "../support/daemon.ts";
import { inNetns } from "../support/netns.ts";
import { PushProvider, providerKey } from "../support/push-provider.ts";
import { TemporaryDirectory } from "../support/temporary-directory.ts";

inNetns(import.meta, () => {
  test("phones are woken by their provider, over a kill of the service, and one that is disabled no more", async () => {
    using home = new TemporaryDirectory();
    await using provider = await PushProvider.start();
    const env = { ENTMOOT_APNS_ORIGIN: provider.origin, NODE_EXTRA_CA_CERTS: provider.certPath };
    const node = new DaemonNode(home.path, "a", { env });
    await using _ = node;
    const p8 = join(home.path, "key.p8");
    writeFileSync(p8, providerKey().privateKey.export({ type: "pkcs8", format: "pem" }));
    const { group_id } = await node.ask(["group", "create", "-name", "council", "-policy", "none"]);
    await node.serve();
    for (const id of ["phone", "tablet"]) {
      const { private_key } = await node.ask(["esp", "device", "onboard", "-id", id, "-group", group_id]);
      writeFileSync(join(home.path, id), private_key);
    }
    const keys = [
      "-apns-team-id",
      "TEAM123456",
      "-apns-key-id",
      "KEY1234567",
      "-apns-topic",
      "xyz.app",
      "-apns-key",
      p8,
    ];
    const start = async () => {
      const program = node.spawn(["esp", "serve", "-addr", "127.0.0.1:0", "-auth-mode", "device", ...keys]);
      const { url } = JSON.parse(await program.line());
      return { program, url: url as string };
    };
    let { program, url } = await start();
    const signed = async (device: string, method: string, path: string, body = "") => {
      const file = join(home.path, "body.json");
      writeFileSync(file, body);
      const key = ["-device", device, "-private-key-file", join(home.path, device)];
      const asked = ["esp", "sign-request", ...key, "-method", method, "-path", path, "-body", file];
      const { headers } = await node.ask(asked);
      const answer = await fetch(`${url}${path}`, { method, headers, ...(body === "" ? {} : { body }) });
      return { status: answer.status, json: await answer.json() };
    };
    const say = (content: string) => node.ask(["publish", "-topic", "chat", "-content", content]);
    const token = (device: string) =>
      signed(device, "PUT", "/v1/devices/current/push-token", JSON.stringify({ token: `of-${device}` }));
    expect(await token("phone")).toMatchObject({ status: 200, json: { push_token: "of-phone" } });
    const tested = await signed("phone", "POST", "/v1/notifications/test");
    expect(tested).toEqual({ status: 202, json: { device_id: "phone", provider_id: "id-1", status: "sent" } });
    await token("tablet");
    expect(await signed("tablet", "PATCH", "/v1/notifications/preferences", '{"enabled":false}')).toMatchObject({
      json: { enabled: false },
    });
    using kept = new SqliteEsp(node.data);
    await eventually("where the log ends is kept", () => kept.pushes.places().size === 1 || undefined);
    await say("hello");
    await provider.saw(2);
    const woken = { aps: { "content-available": 1 }, group_id, type: "message" };
    expect(provider.seen[1]).toMatchObject({ path: "/3/device/of-phone", connection: 1 });
    expect(JSON.parse(provider.seen[1]!.body)).toEqual(woken);
    program.kill("SIGKILL");
    await program.ended();
    const before = provider.seen.length;
    await say("while nothing runs");
    ({ program, url } = await start());
    await provider.saw(before + 1);
    expect(JSON.parse(provider.seen[before]!.body)).toEqual(woken);
    await node.ask(["esp", "device", "disable", "-id", "phone"]);
    expect(await signed("tablet", "PATCH", "/v1/notifications/preferences", '{"enabled":true}')).toMatchObject({
      json: { enabled: true },
    });
    const disabled = provider.seen.length;
    await say("after");
    await provider.saw(disabled + 1);
    expect(provider.seen.slice(disabled).map(({ path }) => path)).toEqual(["/3/device/of-tablet"]);
    program.kill("SIGTERM");
    expect((await program.ended()).status).toBe(0);
  });
});
