import { afterAll, beforeAll, expect, test } from "bun:test";
import { cpSync, mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { GroupId } from "../../src/core/ids.ts";
import { formatPolicy, POLICY_PRESETS } from "../../src/core/policy/policy.ts";
import { shellQuote } from "../../src/host/shell-quote.ts";
import { link_create, link_list, link_revoke } from "../../src/node/operations/invites.ts";
import { groupDirectoryName } from "../../src/store/group-directory.ts";
import type { DoctorJson } from "../../src/view/doctor-json.ts";
import { agree, DaemonNode, eventually } from "../support/daemon.ts";
import { identity } from "../support/identity.ts";
import { testWhere } from "../support/needs.ts";
import { inNetns } from "../support/netns.ts";
import { oldDaemon } from "../support/old-daemon.ts";
import { ShiftedNode, shiftedBinary } from "../support/shifted-clock/shifted-node.ts";
import { fill, mountsMissing, mountTmpfs } from "../support/small-disk.ts";
import { TemporaryDirectory } from "../support/temporary-directory.ts";

const STANDARD = POLICY_PRESETS.standard;
const HOUR = 3_600_000;
const keyOf = (n: number) => identity(n).publicKey.toBase64();

const examine = (node: DaemonNode, ...flags: string[]): Promise<DoctorJson> => node.ask(["doctor", "-json", ...flags]);

/** Everything that a report says of the node, its moots and its voices. */
const checksOf = ({ checks, groups }: DoctorJson) => [...checks, ...groups.flatMap((group) => group.checks)];

/** What is not well, by name; each with why, and with the command to run next. */
function findings(
  report: DoctorJson,
): Map<string, { layer: string; state: string; why?: string; next_command?: string }> {
  const rows = report.groups.flatMap(({ peers }) => peers);
  const ofPeers = rows.flatMap(({ diagnosis, layer_failed, next_command, suggestion }) =>
    layer_failed === undefined
      ? []
      : [{ diagnosis, layer: layer_failed, state: "failed", why: suggestion, next_command }],
  );
  const found = [...checksOf(report), ...ofPeers].filter(({ state }) => state === "failed" || state === "noted");
  for (const { diagnosis, next_command, state, why } of found) {
    if (!/^[a-z_]+$/.test(diagnosis) || (why ?? "").length < 10) throw new Error(`${diagnosis}: why: ${why}`);
    if (state === "failed" && next_command === undefined) throw new Error(`${diagnosis}: nothing to run next`);
  }
  return new Map(found.map(({ diagnosis, ...rest }) => [diagnosis, rest as never]));
}

/** The report once it names that. */
const named = (node: DaemonNode, diagnosis: string, ...flags: string[]) =>
  eventually(`${diagnosis} at ${node.data}`, async () => findings(await examine(node, ...flags)).get(diagnosis));

inNetns(import.meta, () => {
  const home = new TemporaryDirectory();
  let [a, b, c, d]: DaemonNode[] = [];
  let group_id: string;
  let link: string;

  /** A moot of four, one of them an hour ahead of the others. */
  beforeAll(async () => {
    const binary = await shiftedBinary(home.path);
    [a, b, c] = ["a", "b", "c"].map((name) => new DaemonNode(home.path, name));
    d = new ShiftedNode(home.path, "d", { binary, dateMs: HOUR });
    await Promise.all([a!, b!, c!, d].map((node) => node.serve()));
    ({ group_id } = await a!.ask(["group", "create", "-name", "council", "-policy", "none"]));
    ({ link } = await a!.ask(["invite", "link", "-group", group_id]));
    for (const node of [b!, c!, d]) await node.ask(["join", link]);
    await a!.ask(["publish", "-topic", "chat", "-content", "hello"]);
    await agree([a!, b!, c!], { messages: 1 });
  });

  afterAll(async () => {
    await Promise.all([a, b, c, d].map((node) => node?.[Symbol.asyncDispose]()));
    home[Symbol.dispose]();
  });

  test("where all is well nothing is found, each layer is told, and a redacted report names nobody", async () => {
    const report = await examine(a!, "-probe");
    expect([...findings(report).keys()]).toEqual([]);
    expect(report).toMatchObject({ schema_version: 1, failed: 0, entmoot: { running: true, data_dir: a!.data } });
    const rows = report.groups[0]!.peers.filter(({ route }) => route !== "self");
    expect(rows).toHaveLength(3);
    for (const row of rows) {
      expect(row).toMatchObject({ diagnosis: "ok", probe: "ok", route: "direct", trust: "key" });
      expect(Object.values(row.layers)).toEqual(Array(9).fill("ok"));
    }
    for (const args of [
      ["doctor", "-probe"],
      ["doctor", "-probe", "-json"],
      ["peers", "-probe"],
      ["peers", "-json"],
    ]) {
      const { stderr, stdout } = await a!.run([...args, "-redact"]);
      const { entmoot_pubkey, pilot_node_id } = await a!.ask(["info"]);
      for (const secret of [home.path, group_id, entmoot_pubkey, String(pilot_node_id), "127.0.0.1", "council"]) {
        expect([args, stdout.includes(secret)]).toEqual([args, false]);
        expect([args, stderr.includes(secret)]).toEqual([args, false]);
      }
    }
    expect(await a!.run(["health"])).toMatchObject({ status: 0, stdout: "healthy\n" });
    const unknown = await a!.run(["doctor", "-group", GroupId.toBase64(GroupId.zero)]);
    expect(unknown).toMatchObject({ status: 3, stdout: "" });
  });

  test("1, a wrong clock: whose clock is an hour ahead hears it from those that answer", async () => {
    const found = findings(await examine(d!, "-probe")).get("clock_wrong");
    expect(found).toMatchObject({ layer: "clock", state: "failed", next_command: "date -u" });
    expect(found!.why).toContain("of 3 members that answered");
    expect(found!.why).toContain("60 minutes behind the one here");
  });

  test("2, a member that was removed: it learns so, and by which entry", async () => {
    const { entmoot_pubkey } = await d!.ask(["info"]);
    await a!.ask(["roster", "remove", "-group", group_id, "-pubkey", entmoot_pubkey]);
    const [moot] = (await a!.ask(["info"])).groups;
    const found = await named(d!, "removed", "-group", group_id);
    expect(found).toMatchObject({ layer: "membership", state: "failed" });
    expect(found.why).toContain(moot.roster_head);
    expect(found.next_command).toEndWith("join LINK");
    expect((await examine(d!)).groups[0]).toMatchObject({ local_member: false, local_member_status: "not_in_roster" });
    await d!.end();
  });

  test("3, a policy that refuses: what it refused last, and from when on it does not", async () => {
    const file = join(home.path, "policy.json");
    writeFileSync(file, formatPolicy({ ...STANDARD, message_rate_per_author: "1/hour", message_burst_per_author: 1n }));
    const strict = await a!.ask(["group", "create", "-name", "strict", "-policy", `file:${file}`]);
    const publish = ["publish", "-group", strict.group_id, "-topic", "chat", "-content", "again"];
    await a!.ask(publish);
    expect(findings(await examine(a!)).size).toBe(0);
    expect(await a!.run(publish)).toMatchObject({ status: 7 });
    const found = findings(await examine(a!, "-group", strict.group_id)).get("policy_waits");
    expect(found).toMatchObject({ layer: "policy", state: "noted" });
    expect(found!.why).toContain("group policy: ");
    // One time, and what passes by itself is not wrong.
    expect(found!.why!.match(/\d\d\d\d-\d\d-\d\d|try again/g)).toHaveLength(1);
    expect(found!.why).toMatch(/from 20\d\d-.* on/);
    expect(found!.next_command).toContain(`policy explain -group ${strict.group_id}`);
  });

  test("4, a link that has ended: nobody can join by one, and how to make another", async () => {
    await using client = await a!.client();
    const moot = { group_id: GroupId.fromBytes(Uint8Array.fromBase64(group_id)) };
    for (const { id } of (await client.call(link_list, moot)).links)
      await client.call(link_revoke, { ...moot, link: id });
    await client.call(link_create, { ...moot, valid_for_ms: 1 });
    const found = await named(a!, "link_expired", "-group", group_id);
    expect(found).toMatchObject({ layer: "links", state: "noted" });
    expect(found.next_command).toEndWith(`invite link -group ${group_id}`);
  });

  testWhere(mountsMissing(), "5, a full disk: which one, with the daemon and without", async () => {
    const data = join(home.path, "full");
    mkdirSync(data, { mode: 0o700 });
    using _disk = mountTmpfs(data, "size=48m");
    await using full = new DaemonNode(home.path, "full");
    await full.serve();
    await full.ask(["group", "create", "-name", "small", "-policy", "none"]);
    fill(join(data, "filler"), 0);
    const what = { layer: "data", state: "failed", next_command: `df -h ${shellQuote(data)}` };
    expect(findings(await examine(full)).get("disk_full")).toMatchObject(what);
    expect(await full.run(["health"])).toMatchObject({ status: 1 });
    await full.kill();
    expect(findings(await examine(full)).get("disk_full")).toMatchObject(what);
    expect((await examine(full)).checks.map(({ next_command }) => next_command ?? "").join()).not.toMatch(
      / (serve|up)\b/,
    );
    expect((await full.run(["doctor", "-fix"])).stdout).toMatch(/^left as it is: .*no room is left/m);
    expect(await full.run(["health"])).toMatchObject({ status: 6 });
    const remount = ["mount", "-o", "remount,ro", data];
    if (Bun.spawnSync(remount).exitCode !== 0) throw new Error("a disk that cannot be made read-only");
    expect(findings(await examine(full)).get("data_read_only")).toMatchObject({
      ...{ layer: "data", state: "failed", next_command: `findmnt -T ${shellQuote(data)}` },
    });
  });

  test("6, a damaged database: the moot it is of, with the daemon and without; the others are looked at", async () => {
    await c!.ask(["group", "create", "-name", "whole", "-policy", "none"]);
    await c!.end();
    const [moot] = (await c!.ask(["info"])).groups.filter((group: { group_id: string }) => group.group_id === group_id);
    expect(moot).toMatchObject({ members: 3 });
    const groups = join(c!.data, "groups");
    const folder = groupDirectoryName(GroupId.fromBytes(Uint8Array.fromBase64(group_id)));
    for (const name of readdirSync(join(groups, folder))) {
      if (name.includes(".sqlite")) writeFileSync(join(groups, folder, name), "this is no database ".repeat(1000));
    }
    const what = { layer: "open", state: "failed", next_command: expect.stringMatching(/doctor -fix -dry-run$/) };
    for (const isRunning of [false, true]) {
      if (isRunning) await c!.serve();
      const report = await examine(c!);
      expect(findings(report).get("moot_damaged")).toMatchObject(what);
      expect(report.groups.map(({ checks }) => checks[0]!.state).sort()).toEqual(["failed", "ok"]);
    }
    const shown = await c!.run(["doctor", "-fix", "-dry-run", "-json"]);
    expect(shown.status).toBe(1);
    expect(JSON.parse(shown.stdout)).toMatchObject({
      dry_run: true,
      left: [{ path: expect.stringContaining(folder) }],
    });
  });

  test("7, a member that is gone: where the way to it ends", async () => {
    await c!.kill();
    // A connection that nobody closed counts for some seconds: until then it is the answer that is missing.
    const row = await eventually("nobody to be dialled", async () => {
      const { groups } = await examine(a!, "-probe", "-group", group_id, "-timeout", "1s");
      const late = groups[0]!.peers.find(({ diagnosis }) => diagnosis === "route_timeout")!;
      expect(late).toMatchObject({ probe: "route_timeout", layer_failed: expect.stringMatching(/^(dial|answer)$/) });
      return late.layers.dial === "failed" ? late : undefined;
    });
    expect(row).toMatchObject({ route: "none", layers: { address: "ok", answer: "unknown" } });
    expect(row.next_command).toContain(`peers -group ${group_id} -probe -timeout 30s`);
  });

  test("8, two identities of one key, and 9, a roster with two histories", async () => {
    await a!.end();
    cpSync(a!.data, join(home.path, "copy"), { recursive: true, filter: (path) => !path.endsWith(".sock") });
    await a!.serve();
    await using copy = new DaemonNode(home.path, "copy", { env: { ENTMOOT_IROH_PORT: "0" } });
    await copy.ask(["roster", "add", "-group", group_id, "-pubkey", keyOf(8), "-alone"]);
    await a!.ask(["roster", "add", "-group", group_id, "-pubkey", keyOf(9), "-alone"]);
    await copy.serve();
    // Both ask the member in turns, so one of them is told by its own probe.
    const twin = await eventually("the twin", async () => {
      const both = await Promise.all([a!, copy].map((node) => examine(node, "-probe", "-timeout", "300ms")));
      return both.flatMap((report) => findings(report).get("identity_twin") ?? [])[0];
    });
    expect(twin).toMatchObject({ layer: "identity", state: "failed", next_command: expect.stringMatching(/ stop$/) });
    const seen = await named(b!, "roster_forked", "-group", group_id, "-probe", "-timeout", "300ms");
    expect(seen).toMatchObject({ layer: "roster", state: "failed", next_command: expect.stringMatching(/ info$/) });
    await copy.end();
    // Whom a daemon meets that starts is compared with at once.
    await a!.end();
    await a!.serve();
    const fork = await named(a!, "roster_forked", "-group", group_id, "-probe", "-timeout", "300ms");
    expect(fork).toMatchObject({ layer: "roster", state: "failed" });
    const [, heal] = fork.next_command!.split(`${shellQuote(a!.data)} `);
    expect(heal).toMatch(/^roster heal -group \S+ -keep \S+ -dry-run$/);
    expect(await a!.ask(heal!.split(" "))).toMatchObject({ dry_run: true, fork: expect.anything() });
  });

  test("another identity than the daemon's is named", async () => {
    const other = join(home.path, "other.json");
    await using away = new DaemonNode(home.path, "away", { env: { ENTMOOT_IDENTITY: other } });
    await away.serve();
    await away.end();
    const found = findings(await examine(b!, "-identity", other)).get("identity_other");
    expect(found).toMatchObject({ layer: "identity", state: "failed", next_command: expect.stringContaining(" env") });
  });

  test("10, no carrier, and 11, a blocked port: why none can be opened", async () => {
    const at = (env: Record<string, string>) => new DaemonNode(home.path, "b2", { env });
    await using nowhere = at({ ENTMOOT_IROH_BIND: "192.0.2.77" });
    expect(findings(await examine(nowhere)).get("address_unusable")).toMatchObject({
      layer: "carrier",
      state: "failed",
      why: expect.stringContaining("192.0.2.77 is not an address of this machine; see -iroh-bind"),
    });
    const { stderr } = await nowhere.run(["serve"]);
    expect(stderr).toContain("192.0.2.77 is not an address of this machine; see -iroh-bind");
    expect(stderr).not.toMatch(/os error|UDP port/);
    await using pilot = at({ ENTMOOT_TRANSPORT: "pilot" });
    expect(findings(await examine(pilot)).get("carrier_unsupported")).toMatchObject({ layer: "carrier" });
    const taken = await Bun.udpSocket({ hostname: "127.0.0.1", port: 0 });
    try {
      await using blocked = at({ ENTMOOT_IROH_BIND: "127.0.0.1", ENTMOOT_IROH_PORT: String(taken.port) });
      const found = findings(await examine(blocked)).get("port_blocked");
      expect(found).toMatchObject({ layer: "carrier", state: "failed" });
      expect(found!.why).toContain(`port ${taken.port}`);
      expect(found!.next_command).toEndWith("serve -iroh-port 0");
    } finally {
      taken.close();
    }
    rmSync(join(home.path, "b2"), { recursive: true, force: true });
  });

  test("12, an old daemon: its version, and what it does know", async () => {
    const data = join(home.path, "old");
    mkdirSync(data, { mode: 0o700 });
    await using _old = await oldDaemon(data, "v0.0.1", ["doctor"]);
    await using node = new DaemonNode(home.path, "old");
    const report = await examine(node, "-probe");
    const found = findings(report).get("daemon_old");
    expect(found).toMatchObject({ layer: "daemon", state: "failed", why: expect.stringContaining("v0.0.1") });
    expect(found!.next_command).toEndWith(" stop");
    expect(report.groups).toMatchObject([{ members: 1, local_member: true }]);
  });

  test("a voice is told of by the daemon above it and by its own", async () => {
    await b!.ask(["voice", "add", "oak"]);
    const report = await named(b!, "roster_forked").then(() => examine(b!));
    expect(report.checks.filter(({ layer }) => layer === "voice")).toMatchObject([{ state: "ok" }]);
    const [voice] = report.voices!;
    expect(voice).toMatchObject({
      name: "oak",
      checks: [{ layer: "identity", state: "ok" }, { layer: "data" }, {}, {}],
    });
    expect(voice!.groups.map(({ checks }) => checks.map(({ state }) => state))).toEqual([Array(4).fill("ok")]);
    expect((await b!.run(["doctor", "-redact"])).stdout).toContain("voice voice-1");
    await b!.ask(["voice", "remove", "oak"]);
  });

  test("flags that do not fit are refused by name, and what fails can be seen by the status", async () => {
    for (const [flags, text] of [
      [["doctor", "-timeout", "soon"], 'doctor: invalid value "soon" for flag -timeout'],
      [["doctor", "-group", ""], "-group"],
      [["doctor", "-dry-run"], "doctor: -dry-run goes with -fix"],
      [["doctor", "-fix", "-probe"], "doctor: -probe does not go with -fix"],
      [["health", "-timeout", "0s"], "health: -timeout: expected above 0"],
    ] as const) {
      const { status, stderr, stdout } = await a!.run([...flags]);
      expect([flags, status, stdout]).toEqual([flags, 5, ""]);
      expect(stderr).toContain(text);
    }
    expect(await a!.run(["doctor", "-fix"])).toMatchObject({ status: 0, stdout: "there is nothing to repair\n" });
    expect((await a!.run(["doctor", "-exit-code"])).status).toBe(1);
  });

  test("a daemon that is stopped: its process, and how it goes on", async () => {
    b!.daemon.kill("SIGSTOP");
    try {
      const report = await examine(b!);
      const found = report.checks.find(({ diagnosis }) => diagnosis === "daemon_stopped");
      expect(found).toMatchObject({ layer: "daemon", next_command: `kill -CONT ${b!.daemon.pid}` });
      expect(report.groups.map(({ local_member }) => local_member)).toContain(true);
      // One thing is to be done, and nothing else is proposed beside it.
      const { stdout } = await b!.run(["doctor"]);
      expect(stdout).toContain("entmoot: running, stopped");
      const next = stdout.split("\n").flatMap((line) => /^ *next: (.*)$/.exec(line)?.[1] ?? []);
      // Of the fork that was made above it says more.
      expect([...new Set(next)].filter((each) => !each.endsWith(" info"))).toEqual([`kill -CONT ${b!.daemon.pid}`]);
      expect(stdout).not.toMatch(/entmootd serve|no daemon runs/);
      const second = await b!.run(["serve"]);
      expect([second.status === 0, second.stderr]).toEqual([
        false,
        expect.stringContaining(`already running at ${join(b!.data, "control.sock")}`),
      ]);
      expect(second.stderr).toContain(`kill -CONT ${b!.daemon.pid}`);
      expect(await b!.run(["health", "-timeout", "300ms"])).toMatchObject({ status: 1 });
    } finally {
      b!.daemon.kill("SIGCONT");
    }
  });
});
