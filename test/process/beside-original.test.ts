import { Database } from "bun:sqlite";
import { expect, test } from "bun:test";
import { linkSync, lstatSync, mkdirSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { createInvite, formatInvite } from "../../src/core/admission/invite.ts";
import { GroupId, MerkleRoot } from "../../src/core/ids.ts";
import { createIdentity } from "../../src/host/identity-file.ts";
import { DaemonNode } from "../support/daemon.ts";
import { fileStates } from "../support/file-states.ts";
import { identity } from "../support/identity.ts";
import { GROUP } from "../support/message.ts";
import { inNetns } from "../support/netns.ts";
import { numbered } from "../support/numbered-message.ts";
import { insertMessages, OriginalRoot } from "../support/original-root.ts";
import { changed, roster } from "../support/roster.ts";
import { RunningOriginal, recorded } from "../support/running-original.ts";
import { StoreProcess } from "../support/store-process.ts";
import { TemporaryDirectory } from "../support/temporary-directory.ts";

const [FOUNDER, MEMBER] = [identity(1), identity(2)];
const LOG = roster([FOUNDER, MEMBER, identity(3)]);
const GID = GroupId.toBase64(GROUP);

const first = (count: number) => Array.from({ length: count }, (_, n) => numbered(n));

/** A node on a root that the original left: its identity, one moot, and 11 messages. */
function world(self = MEMBER) {
  const home = new TemporaryDirectory();
  const node = new DaemonNode(home.path, "a");
  const original = new OriginalRoot(node.data).roster(LOG);
  createIdentity(join(node.data, "identity.json"), self);
  original.messages(first(11)).close();
  return {
    node,
    original,
    data: node.data,
    socket: join(node.data, "control.sock"),
    database: join(original.group, "messages.sqlite"),
    async [Symbol.asyncDispose]() {
      await node[Symbol.asyncDispose]();
      home[Symbol.dispose]();
    },
  };
}

async function count(node: DaemonNode): Promise<number> {
  const { status, stdout, stderr } = await node.run(["query", "-limit", "0"]);
  expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
  return stdout.split("\n").length - 1;
}

inNetns(import.meta, () => {
  test("the socket of a running original stays its own, whoever starts, and nothing is made beside it", async () => {
    await using it = world();
    using original = new RunningOriginal(it.socket);
    const { ino } = lstatSync(it.socket);
    const before = fileStates(it.data);
    for (const command of [["serve"], ["up"], ["join", "-serve", invite()]]) {
      original.types.length = 0;
      const { status, stdout, stderr } = await it.node.run(command);
      expect({ command, status, stdout }).toEqual({ command, status: 6, stdout: "" });
      expect(stderr).toContain(`socket ${it.socket} is in use by the original's daemon of node 45491`);
      expect(stderr).toContain("data root is entmoot-data");
      expect(original.unknown).toBe(1);
      expect(lstatSync(it.socket).ino).toBe(ino);
      expect(fileStates(it.data)).toEqual(before);
    }
  });

  test("an original that has its files open is seen before it listens", async () => {
    await using it = world();
    await using writer = new StoreProcess("original", it.database, "11");
    await writer.line();
    const before = fileStates(it.data, /-shm$/);
    for (const command of [["serve"], ["group", "create", "-name", "x"]]) {
      const { status, stdout, stderr } = await it.node.run(command);
      expect({ command, status, stdout }).toEqual({ command, status: 6, stdout: "" });
      expect(stderr).toContain(`process ${writer.pid} `);
      expect(stderr).toContain(it.database);
      expect(fileStates(it.data, /-shm$/)).toEqual(before);
    }
    await writer.end();
    expect(await it.node.serve()).toMatchObject({ event: "serving" });
  });

  test("looking shows what is there, beside a running original and without one, and leaves nothing behind", async () => {
    await using it = world();
    const looks = [
      ["query", "-limit", "0"],
      ["info"],
      ["peers", "-group", GID],
      ["tail", "-n", "-1", "-count", "11"],
      ["call", "members", `{"group_id":"${GID}"}`],
    ];
    const before = fileStates(it.data);
    for (const command of looks) {
      const { status, stderr } = await it.node.run(command);
      expect({ command, status, stderr }).toEqual({ command, status: 0, stderr: "" });
      expect(fileStates(it.data)).toEqual(before);
    }
    expect(await count(it.node)).toBe(11);
    expect((await it.node.group()).messages).toBe(11);

    using _original = new RunningOriginal(it.socket);
    await using writer = new StoreProcess("original", it.database, "11");
    await writer.line();
    writer.write("4\n");
    await writer.line();
    const beside = fileStates(it.data);
    expect(await count(it.node)).toBe(15);
    const { status } = await it.node.run(["call", "members", `{"group_id":"${GID}"}`]);
    expect(status).toBe(0);
    const tail = await it.node.run(["tail", "-n", "-1", "-count", "15"]);
    expect([tail.status, tail.stdout.split("\n").length - 1]).toEqual([0, 15]);
    expect(fileStates(it.data)).toEqual(beside);

    // Killed, and without the index of its log, which whoever reads in place would have to make.
    await writer.kill();
    rmSync(`${it.database}-shm`);
    const torn = fileStates(it.data);
    const temporary = join(it.data, "../temporary");
    mkdirSync(temporary);
    const { stdout } = await it.node.run(["query", "-limit", "0"], { env: { TMPDIR: temporary } });
    expect(stdout.split("\n").length - 1).toBe(15);
    expect(fileStates(it.data)).toEqual(torn);
    expect(readdirSync(temporary)).toEqual([]);
  });

  test("a place that looking printed is found again, until the files hold something else", async () => {
    await using it = world();
    const { stdout } = await it.node.run(["query", "-limit", "1", "-order", "asc"]);
    const { place } = JSON.parse(stdout);
    const rest = await it.node.run(["query", "-after", place, "-limit", "0"]);
    expect({ status: rest.status, lines: rest.stdout.split("\n").length - 1 }).toEqual({ status: 0, lines: 10 });
  });

  test("a day back with the original is taken in by the next start, and looking shows it before that", async () => {
    await using it = world();
    await it.node.serve();
    await it.node.end();
    expect(await count(it.node)).toBe(11);
    {
      using db = new Database(it.database, { readwrite: true, strict: true });
      insertMessages(db, first(15).slice(11));
    }
    expect(await count(it.node)).toBe(15);
    {
      // Of what comes later no more is believed than of what came first.
      using db = new Database(it.database, { readwrite: true, strict: true });
      insertMessages(db, [{ ...numbered(15), signature: new Uint8Array(64) }]);
    }
    it.original.policies("{}");
    await it.node.serve();
    await it.node.daemon.said("the original wrote here since its data was taken over; taken in: 4 messages");
    await it.node.daemon.said("group-policies.json: changed since it was taken over");
    await it.node.daemon.said("1 message of the earlier store did not verify (1 signature_invalid)");
    expect((await it.node.group()).messages).toBe(15);
    expect(await count(it.node)).toBe(15);
    await it.node.end();
    await it.node.serve();
    expect((await it.node.group()).messages).toBe(15);
    expect(it.node.daemon.stderr).not.toContain("taken in");
  });

  test("a root that was taken over is refused while the original writes it, and as whole as before afterwards", async () => {
    await using it = world();
    await it.node.serve();
    await it.node.end();
    {
      await using writer = new StoreProcess("original", it.database, "11");
      await writer.line();
      const before = fileStates(it.data, /-shm$/);
      for (const command of [["serve"], ["up"], ["group", "create", "-name", "x"]]) {
        const { status, stdout, stderr } = await it.node.run(command);
        expect({ command, status, stdout }).toEqual({ command, status: 6, stdout: "" });
        expect(stderr).toContain(`process ${writer.pid} `);
        expect(fileStates(it.data, /-shm$/)).toEqual(before);
      }
      expect(await count(it.node)).toBe(11);
      await writer.end();
    }
    expect(await it.node.serve()).toMatchObject({ event: "serving", group_id: GID });
    await it.node.end();
  });

  test("rosters that part are not taken in, and each start says where they part", async () => {
    await using it = world(FOUNDER);
    await it.node.serve();
    const key = identity(9).publicKey.toBase64();
    await it.node.ask(["roster", "add", "-group", GID, "-pubkey", key]);
    await it.node.end();
    const stranger = identity(5);
    it.original.roster(changed(LOG, FOUNDER, { op: "add", key: stranger.publicKey, nodeId: stranger.nodeId }));
    for (const _ of ["once", "and again"]) {
      await it.node.serve();
      await it.node.daemon.said(`parts from our roster after entry ${LOG.entries.length}`);
      expect(await it.node.group()).toMatchObject({ members: 4, messages: 11 });
      expect(it.node.daemon.stderr).not.toContain("taken in");
      await it.node.end();
    }
  });

  test("a daemon that ends leaves a socket alone that took the place of its own", async () => {
    await using it = world();
    await it.node.serve();
    rmSync(it.socket);
    using original = new RunningOriginal(it.socket);
    await it.node.end();
    expect(lstatSync(it.socket).isSocket()).toBeTrue();
    expect((await it.node.ask(["info"])).daemon).toBe("original");
    expect(original.types.at(-1)).toBe(0x14);
  });

  test("the sockets of a daemon of ours on another data root stay its own too", async () => {
    await using it = world();
    await using other = new DaemonNode(join(it.data, ".."), "b");
    await other.serve();
    const before = fileStates(it.data);
    linkSync(join(other.data, "control.sock"), it.socket);
    const told = await it.node.run(["serve"]);
    expect({ status: told.status, stdout: told.stdout }).toEqual({ status: 6, stdout: "" });
    expect(told.stderr).toContain(`(process ${other.daemon.pid}); its data root is ${other.data}`);
    rmSync(it.socket);
    const agents = await it.node.run(["up", "-agent-socket", join(other.data, "agent.sock")]);
    expect({ status: agents.status, stdout: agents.stdout }).toEqual({ status: 6, stdout: "" });
    expect(agents.stderr).toContain("its agents' socket");
    expect(fileStates(it.data)).toEqual(before);
    expect((await other.ask(["info"])).pid).toBe(other.daemon.pid);
  });

  test("what answers and is neither program's is said to be neither, and left alone", async () => {
    await using it = world();
    const listener = Bun.listen({ unix: it.socket, socket: { data: (socket) => void socket.end() } });
    for (const command of [["serve"], ["stop"], ["peers", "-group", GID]]) {
      const { status, stderr } = await it.node.run(command);
      expect({ command, status }).toEqual({ command, status: 6 });
      expect(stderr).toMatch(/neither/);
      expect(lstatSync(it.socket).isSocket()).toBeTrue();
    }
    listener.stop(true);
  });

  test("tail shows what is held and then what arrives, and asks a connection one question it does not know", async () => {
    await using it = world();
    using original = new RunningOriginal(it.socket);
    await using tail = it.node.spawn(["tail", "-n", "-1"]);
    for (let n = 0; n < 11; n++) await tail.json({ group_id: GID });
    // One of those the original sent when it was recorded.
    expect((await tail.json({})).group_id).not.toBe(GID);
    expect(original.types).toEqual([0x90, 0x90, 0x12]);
    tail.kill("SIGTERM");
    expect((await tail.ended()).status).toBe(0);
  });

  test("every command names the original it meets, says what can be done, and asks it nothing it does not know", async () => {
    await using it = world();
    using original = new RunningOriginal(it.socket);
    const info = await it.node.ask(["info"]);
    const said = JSON.parse(Buffer.from(recorded("info with two groups").slice(10), "hex").toString());
    const root = (numbers: number[]) => MerkleRoot.toBase64(MerkleRoot.fromBytes(Uint8Array.from(numbers)));
    expect(info).toEqual({
      ...said,
      groups: said.groups.map((group: { merkle_root: number[] }) => ({
        ...group,
        merkle_root: root(group.merkle_root),
      })),
      daemon: "original",
    });
    const key = Buffer.from(MEMBER.publicKey).toString("base64");
    const asked: [command: string[], instead: string][] = [
      [["peers", "-group", GID], "its own program's peers command"],
      [["group", "create", "-name", "x"], "entmootd serve"],
      [["invite", "create", "-group", GID], "call member_admit"],
      [["invite", "link", "-group", GID], "knows no links"],
      [["invite", "list", "-group", GID], "knows no links"],
      [["invite", "revoke", "-group", GID, "-id", "x"], "knows no links"],
      [["roster", "add", "-group", GID, "-pubkey", key], "call member_admit"],
      [["roster", "remove", "-group", GID, "-pubkey", key], "call member_expel"],
      [["join", invite()], "its own program's join command"],
      [["stop"], "as it was started"],
      [["call", "status"], "entmootd info"],
    ];
    for (const [command, instead] of asked) {
      original.types.length = 0;
      const { status, stdout, stderr } = await it.node.run(command);
      expect({ command, status, stdout }).toEqual({ command, status: 5, stdout: "" });
      expect(stderr).toContain(`the daemon on ${it.socket} is the original's`);
      expect(stderr).toContain(instead);
      expect({ command, unknown: original.unknown }).toEqual({ command, unknown: 1 });
    }
  });

  test("an invite or a fleet's descriptor without an address is refused at once, with what to ask for", async () => {
    using home = new TemporaryDirectory();
    await using node = new DaemonNode(home.path, "a");
    await node.serve();
    const fleet = { type: "entmoot.fleet_invite.v1", fleet_id: "f", fleet_name: "F", invite: JSON.parse(invite()) };
    for (const input of [invite(), JSON.stringify(fleet)]) {
      const { status, stdout, stderr } = await node.run(["join", input]);
      expect({ status, stdout }).toEqual({ status: 5, stdout: "" });
      expect(stderr).toContain(`names nodes ${MEMBER.nodeId}, ${FOUNDER.nodeId} without an address`);
      expect(stderr).toContain("over Pilot alone");
      expect(stderr).toContain("entmootd invite link");
      // It never came to dialling.
      expect(stderr).not.toContain("dialing");
    }
  });
});

/** As the original writes one: peers by their node ids. */
function invite(): string {
  const fields = {
    merkle_root: MerkleRoot.zero,
    group_id: GROUP,
    founder: FOUNDER.info,
    roster_head: LOG.head,
    bootstrap_peers: [MEMBER, FOUNDER].map(({ nodeId }) => ({ node_id: nodeId, hostname: "", endpoints: [] })),
    issued_at: 1_700_000_000_000n,
    valid_until: 4_000_000_000_000n,
    issuer: FOUNDER.info,
  };
  return formatInvite(createInvite(fields, FOUNDER.seed));
}
