import { Database } from "bun:sqlite";
import { expect, test } from "bun:test";
import { join } from "node:path";
import { tokenHash } from "../../src/core/admission/open-invite.ts";
import { pilotSignedBytes } from "../../src/core/admission/open-invite-proof.ts";
import { EntmootError } from "../../src/core/errors.ts";
import { type Identity, identityOf } from "../../src/core/identity.ts";
import { GroupId } from "../../src/core/ids.ts";
import { entmootNodeId } from "../../src/core/node-id.ts";
import { sign } from "../../src/core/signature.ts";
import { nodeOfDaemon } from "../../src/daemon/service-node.ts";
import type { EntmootNode } from "../../src/node/entmoot-node.ts";
import { link_list } from "../../src/node/operations/invites.ts";
import { group_create } from "../../src/node/operations/moots.ts";
import { open_invite_create } from "../../src/node/operations/public.ts";
import { device, HttpWorld } from "../support/http-world.ts";
import { OPEN_GROUP, startNode } from "../support/nodes.ts";
import { TemporaryDirectory } from "../support/temporary-directory.ts";

const [alice, bob] = [1, 2].map((n) => identityOf(new Uint8Array(32).fill(60 + n))) as [Identity, Identity];
const refused = (status: number, code: string) => ({ status, json: { error: { code } } });

/** The service before a node that founded a moot, with a device that manages it and one that reads it. */
async function world(home: TemporaryDirectory, isThere = () => true) {
  const founder: EntmootNode = await startNode(undefined, 1);
  const { group_id } = await founder.call(group_create, OPEN_GROUP);
  const http = new HttpWorld(home, {
    devices: [
      device("phone", 2, { groups: [group_id], adminGroups: [group_id] }),
      device("guest", 3, { groups: [group_id] }),
    ],
    node: {
      ...nodeOfDaemon(founder),
      writes: async () => {
        if (isThere()) return founder;
        throw new EntmootError("control_unavailable", "no running Entmoot daemon found");
      },
      isWritable: async () => isThere(),
    },
  });
  const path = `/v1/groups/${encodeURIComponent(GroupId.toBase64(group_id))}/open-invites`;
  const post = (target: string, body: object) => http.ask(target, { method: "POST", body: JSON.stringify(body) });
  return {
    founder,
    group_id,
    http,
    path,
    issue: (uses: number) => founder.call(open_invite_create, { group_id, issuer_url: "https://esp.example", uses }),
    challenge: (token: string, who: Identity) => post(`/v1/open-invites/${token}/challenge`, claimOf(who)),
    async redeem(token: string, who: Identity, changes: object = {}) {
      const { json } = await post(`/v1/open-invites/${token}/challenge`, claimOf(who));
      const payload = Uint8Array.fromBase64(json.signing_payload);
      const pilot_signature = sign(who.seed, pilotSignedBytes(payload)).toBase64();
      const { challenge_id } = json;
      return post(`/v1/open-invites/${token}/redeem`, { ...claimOf(who), challenge_id, pilot_signature, ...changes });
    },
    async [Symbol.asyncDispose]() {
      http[Symbol.dispose]();
      await founder[Symbol.asyncDispose]();
    },
  };
}

const claimOf = ({ publicKey }: Identity) => ({
  pilot_node_id: entmootNodeId(publicKey),
  pilot_pubkey: publicKey.toBase64(),
  entmoot_pubkey: publicKey.toBase64(),
});

test("an open invite is challenged and redeemed by whoever has its token, in the original's shapes", async () => {
  using home = new TemporaryDirectory();
  await using all = await world(home);
  const { token } = await all.issue(1);
  const { json: asked, status } = await all.challenge(token, alice);
  expect(status).toBe(200);
  expect(Object.keys(asked)).toEqual([
    "status",
    "challenge_id",
    "canonical_type",
    "signature_algorithm",
    "signing_payload",
    "signing_payload_sha256",
    "expires_at_ms",
  ]);
  const envelope = JSON.parse(Buffer.from(asked.signing_payload, "base64").toString());
  expect(Object.keys(envelope)).toEqual(Object.keys(envelope).toSorted());
  expect(envelope).toMatchObject({ token_hash: tokenHash(token), type: "entmoot.open_invite.redeem.v1" });
  const signature = sign(bob.seed, new Uint8Array(3)).toBase64();
  expect(await all.redeem(token, alice, { pilot_signature: signature })).toMatchObject(
    refused(400, "invalid_signature"),
  );
  expect(await all.redeem(token, alice, { challenge_id: "" })).toMatchObject(refused(400, "bad_request"));
  expect(await all.redeem(token, alice, { pilot_pubkey: bob.publicKey.toBase64() })).toMatchObject(
    refused(503, "pilot_unavailable"),
  );
  const { json: done } = await all.redeem(token, alice);
  expect(Object.keys(done)).toEqual([
    "status",
    "group_id",
    "invite",
    "max_uses",
    "use_count",
    "bootstrap_peers",
    "expires_at_ms",
  ]);
  expect(done).toMatchObject({ status: "redeemed", max_uses: 1, use_count: 1, bootstrap_peers: [], expires_at_ms: 0 });
  // Again by the same key it takes no further use; another has none left.
  expect(await all.redeem(token, alice)).toMatchObject({ status: 200, json: { use_count: 1 } });
  expect(await all.challenge(token, bob)).toMatchObject(refused(409, "open_invite_exhausted"));
});

test("what is no token or no claim is refused in the original's order, and no token is logged", async () => {
  using home = new TemporaryDirectory();
  await using all = await world(home);
  const { token } = await all.issue(0);
  const ask = (rest: string, body = "{}", method = "POST") =>
    all.http.ask(`/v1/open-invites/${rest}`, { method, body: method === "POST" ? body : "" });
  const none = JSON.stringify(claimOf(alice));
  expect(await ask(`${token}/challenge`, "", "GET")).toMatchObject({
    ...refused(405, "method_not_allowed"),
    headers: { Allow: "POST" },
  });
  expect(await ask(`${token}/challenge`, "{")).toMatchObject(refused(400, "bad_request"));
  expect((await ask(`${token}/challenge`)).json.error.message).toBe("target pilot_node_id is required");
  expect((await ask("%20/challenge", none)).json.error.message).toBe("token is required");
  for (const unknown of ["nope", "..%2Fx", encodeURIComponent("é".repeat(600)), "x".repeat(5000)]) {
    expect(await ask(`${unknown}/challenge`, none)).toMatchObject(refused(404, "open_invite_not_found"));
  }
  expect(await ask(`${token}/other`, none)).toMatchObject(refused(404, "not_found"));
  expect(await ask(`${token}/challenge`, "x".repeat(70_000))).toMatchObject(refused(413, "request_too_large"));
  for (const key of ["", "AAAA", Buffer.alloc(9_000).toString("base64")]) {
    const claim = JSON.stringify({ ...claimOf(alice), entmoot_pubkey: key });
    expect(await ask(`${token}/challenge`, claim)).toMatchObject(refused(400, "bad_request"));
  }
  expect(all.http.lines.join("\n")).not.toContain(token);
});

test("who manages a moot lists and revokes its open invites, and nobody else", async () => {
  using home = new TemporaryDirectory();
  await using all = await world(home);
  const { token } = await all.issue(2);
  await all.redeem(token, alice);
  const { json } = await all.http.as(all.path);
  expect(json.open_invites).toEqual([
    {
      id: tokenHash(token),
      group_id: GroupId.toBase64(all.group_id),
      max_uses: 2,
      use_count: 1,
      revoked: false,
      bootstrap_peers: [],
      created_at_ms: expect.any(Number),
      updated_at_ms: expect.any(Number),
      expires_at_ms: 0,
      status: "active",
    },
  ]);
  const revoke = `${all.path}/${tokenHash(token)}/revoke`;
  expect(await all.http.as(all.path, { id: "guest", key: 3 })).toMatchObject(refused(403, "forbidden"));
  expect(await all.http.as(revoke, { id: "guest", key: 3, method: "POST" })).toMatchObject(refused(403, "forbidden"));
  expect(await all.http.as(`${all.path}/${tokenHash("x")}/revoke`, { method: "POST" })).toMatchObject(
    refused(404, "open_invite_not_found"),
  );
  expect(await all.http.as(`${all.path}/x/revoke`, { method: "POST" })).toMatchObject(
    refused(404, "open_invite_not_found"),
  );
  for (const _ of [1, 2]) {
    expect(await all.http.as(revoke, { method: "POST" })).toMatchObject({
      status: 200,
      json: { open_invite: { id: tokenHash(token), revoked: true, status: "revoked" } },
    });
  }
  expect(await all.challenge(token, bob)).toMatchObject(refused(409, "open_invite_revoked"));
});

test("without a daemon open invites are unavailable, and say so", async () => {
  using home = new TemporaryDirectory();
  let isThere = true;
  await using all = await world(home, () => isThere);
  const { token } = await all.issue(0);
  isThere = false;
  const gone = refused(503, "open_invite_unavailable");
  expect(await all.challenge(token, alice)).toMatchObject(gone);
  expect(await all.http.as(all.path)).toMatchObject(gone);
  expect(await all.http.as(`${all.path}/${tokenHash(token)}/revoke`, { method: "POST" })).toMatchObject(gone);
});

test("open invites that the original issued go on, with their uses, their redeemers and their end", async () => {
  using home = new TemporaryDirectory();
  await using all = await world(home);
  // The service makes the file in the original's shape.
  all.http.bearer("/v1/session");
  await all.http.as("/v1/session");
  using file = new Database(join(home.path, "esp.sqlite"));
  const put = (token: string, { max = 0, used = 0, revoked = 0, expires = 0, group = all.group_id } = {}) => {
    file.run(`INSERT INTO esp_open_invites VALUES (?, ?, 'ios-1', ?, ?, ?, '[45491]', 1000, 1000, ?)`, [
      tokenHash(token),
      GroupId.toBytes(group),
      max,
      used,
      revoked,
      expires,
    ]);
    return token;
  };
  const used = () => file.query("SELECT use_count, revoked FROM esp_open_invites WHERE token_hash = ?");
  const one = put("one-use-left", { max: 2, used: 1 });
  file.run("INSERT INTO esp_open_invite_redemptions VALUES (?, ?, 7, ?, NULL, 1000)", [
    tokenHash(one),
    `7:${alice.publicKey.toBase64()}`,
    alice.publicKey.toBase64(),
  ]);
  expect((await all.http.as(all.path)).json.open_invites).toMatchObject([
    { id: tokenHash(one), device_id: "ios-1", max_uses: 2, use_count: 1, bootstrap_peers: [45491], status: "active" },
  ]);
  // Alice's use was counted there already.
  expect(await all.redeem(one, alice)).toMatchObject({ status: 200, json: { use_count: 1, bootstrap_peers: [45491] } });
  expect(await all.redeem(one, bob)).toMatchObject({ status: 200, json: { use_count: 2 } });
  expect(used().get(tokenHash(one))).toEqual({ use_count: 2, revoked: 0 });
  const carol = identityOf(new Uint8Array(32).fill(63));
  expect(await all.challenge(one, carol)).toMatchObject(refused(409, "open_invite_exhausted"));
  expect((await all.founder.call(link_list, { group_id: all.group_id })).links).toMatchObject([{ uses: 2, used: 2 }]);
  expect((await all.http.as(all.path)).json.open_invites).toHaveLength(1);

  expect(await all.challenge(put("revoked", { revoked: 1 }), carol)).toMatchObject(refused(409, "open_invite_revoked"));
  expect(await all.challenge(put("late", { expires: 5_000 }), carol)).toMatchObject(
    refused(409, "open_invite_expired"),
  );
  // One that nobody used yet is ended for good, also for the original.
  const unused = put("unused");
  const revoke = `${all.path}/${tokenHash(unused)}/revoke`;
  expect(await all.http.as(revoke, { method: "POST" })).toMatchObject({ status: 200 });
  expect(used().get(tokenHash(unused))).toMatchObject({ revoked: 1 });
  expect(await all.challenge(unused, carol)).toMatchObject(refused(409, "open_invite_revoked"));
  // Of a moot that is not here it lets in nobody, and one of another moot is not this one's to end.
  const elsewhere = put("elsewhere", { group: GroupId.fromBytes(new Uint8Array(32).fill(9)) });
  expect(await all.challenge(elsewhere, carol)).toMatchObject(refused(404, "open_invite_not_found"));
  expect(await all.http.as(`${all.path}/${tokenHash(elsewhere)}/revoke`, { method: "POST" })).toMatchObject(
    refused(404, "open_invite_not_found"),
  );
});
