import { expect, test } from "bun:test";
import { existsSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { DaemonNode } from "../support/daemon.ts";
import { identity } from "../support/identity.ts";
import { TemporaryDirectory } from "../support/temporary-directory.ts";

const keyOf = (n: number) => Buffer.from(identity(n).publicKey).toString("base64");
const moot = (n: number) => Buffer.alloc(32, n).toString("base64");

test("the registry is kept by commands, in the original's form, and each says no with the next step", async () => {
  using home = new TemporaryDirectory();
  await using node = new DaemonNode(home.path, "a");
  const file = join(home.path, "keys", "devices.json");
  const device = (...args: string[]) => node.ask(["esp", "device", ...args, "-device-keys", file]);
  const refused = async (said: string, ...args: string[]) => {
    const { status, stderr } = await node.spawn(["esp", "device", ...args, "-device-keys", file]).ended();
    expect([args, status, stderr]).toEqual([args, 5, expect.stringContaining(said)]);
  };
  expect(await device("list")).toEqual({ devices: [] });
  await refused("-id is required", "add", "-pubkey", keyOf(1), "-group", moot(1));
  await refused("at least one -group is required", "add", "-id", "a", "-pubkey", keyOf(1));
  await refused("invalid -pubkey", "add", "-id", "a", "-pubkey", "AA==", "-group", moot(1));
  await refused("expected 32 bytes", "add", "-id", "a", "-pubkey", keyOf(1), "-group", "AAAA");
  expect(existsSync(file)).toBe(false);

  const more = ["-admin-group", moot(2), "-client", "c", "-client", "d", "-disabled"];
  const added = await device("add", "-id", "a", "-pubkey", keyOf(1), "-group", moot(1), ...more);
  const row = {
    id: "a",
    public_key: keyOf(1),
    groups: [moot(1)],
    admin_groups: [moot(2)],
    client_ids: ["c", "d"],
    disabled: true,
  };
  expect(added).toEqual({ devices: [row] });
  expect(readFileSync(file, "utf8")).toBe(`${JSON.stringify(added, undefined, 2)}\n`);
  expect(statSync(file).mode & 0o777).toBe(0o600);
  await refused('device "a" already exists', "add", "-id", "a", "-pubkey", keyOf(2), "-group", moot(1));

  const [only] = (await device("enable", "-id", "a")).devices;
  expect(only.disabled).toBe(false);
  expect((await device("disable", "-id", "a")).devices[0].disabled).toBe(true);
  expect((await device("rotate-key", "-id", "a", "-pubkey", keyOf(2))).devices[0].public_key).toBe(keyOf(2));
  const granted = await device("grant", "-id", "a", "-group", moot(3), "-group", moot(1), "-admin-group", moot(3));
  expect(granted.devices[0]).toMatchObject({ groups: [moot(1), moot(3)], admin_groups: [moot(2), moot(3)] });
  const revoked = await device("revoke", "-id", "a", "-group", moot(1), "-admin-group", moot(2));
  expect(revoked.devices[0]).toMatchObject({ groups: [moot(3)], admin_groups: [moot(3)] });
  expect((await device("grant-admin", "-id", "a", "-group", moot(4))).devices[0].admin_groups).toContain(moot(4));
  expect((await device("revoke-admin", "-id", "a", "-group", moot(4))).devices[0].admin_groups).toEqual([moot(3)]);
  await refused('device "b" not found', "grant", "-id", "b", "-group", moot(1));
  await refused("at least one -group or -admin-group is required", "grant", "-id", "a");
  expect(await device("remove", "-id", "a")).toEqual({ devices: [] });
  await refused('device "a" not found', "remove", "-id", "a");
});

test("onboard shows a key once, with which requests are signed", async () => {
  using home = new TemporaryDirectory();
  await using node = new DaemonNode(home.path, "a");
  const file = join(home.path, "phones.json");
  const flags = [
    "-device-keys",
    file,
    "-id",
    "p",
    "-group",
    moot(1),
    "-admin-group",
    moot(1),
    "-client",
    "c",
    "-disabled",
  ];
  const { device, private_key, registry_path } = await node.ask(["esp", "device", "onboard", ...flags]);
  expect(device).toMatchObject({ id: "p", client_ids: ["c"], disabled: true });
  expect(registry_path).toBe(file);
  expect(readFileSync(registry_path, "utf8")).not.toContain(private_key);
  const key = join(home.path, "key");
  await Bun.write(key, private_key);
  const args = ["-device", "p", "-private-key-file", key, "-method", "get", "-path", "/v1/session?"];
  const stamp = ["-timestamp-ms", "1777392000000", "-nonce", "n", "-show-input"];
  const { headers, method, signing_input } = await node.ask(["esp", "sign-request", ...args, ...stamp]);
  expect(method).toBe("GET");
  const empty = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=";
  expect(signing_input).toBe(`ENTMOOT-ESP-AUTH-V1\nGET\n/v1/session?\n1777392000000\nn\n${empty}`);
  expect(headers["X-Entmoot-Nonce"]).toBe("n");
  const routes = await node.ask(["esp", "routes", "-json"]);
  expect(routes.paths["/v1/groups/{group}/history"].get.operationId).toBe("history");
});
