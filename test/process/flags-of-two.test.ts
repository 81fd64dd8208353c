import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { DaemonNode, eventually, type GroupInfo } from "../support/daemon.ts";
import { identity } from "../support/identity.ts";
import { inNetns } from "../support/netns.ts";
import { TemporaryDirectory } from "../support/temporary-directory.ts";

setDefaultTimeout(60_000);

const SECRET = `ghp_${"a1B2".repeat(9)}`;
const KEY = identity(9).publicKey.toBase64();
const TOKEN = "the same question";
const CHAT = ["-topic", "chat", "-content"];
const PILOT = ["-pilot-wait-base-delay", "1s", "-pilot-wait-max-delay", "2s"];
const IN_COUNCIL = ["-group", "council"];
const IN_SENATE = ["-group", "senate"];

/** What a session of Claude Code tells whom it starts. */
const IN_SESSION = { CLAUDE_CODE_SESSION_ID: "0b1f6d3e-5a52-4c0e-9d5e-0a2f4c1b7e11" };

inNetns(import.meta, () => {
  describe("flags that show among two members", () => {
    let home: TemporaryDirectory;
    let oak: DaemonNode;
    let elm: DaemonNode;
    const rows = (text: string) =>
      text
        .split("\n")
        .filter((line) => line.startsWith("{"))
        .map((line) => JSON.parse(line));
    const idOf = async (node: DaemonNode) => (await node.ask(["info"])).groups[0].local_node_id as number;

    const moots = async (node: DaemonNode) => {
      const { groups } = await node.ask(["info"]);
      return new Map<string, string>(groups.map(({ group_id, name }: GroupInfo) => [name!, group_id]));
    };

    beforeAll(async () => {
      home = new TemporaryDirectory();
      oak = new DaemonNode(home.path, "oak");
      elm = new DaemonNode(home.path, "elm");
      await oak.serve("-hostname", "oak", "-trace-gossip-transport", ...PILOT);
      for (const name of ["council", "senate"]) await oak.ask(["group", "create", "-name", name, "-policy", "none"]);
      const links = [];
      for (const moot of [IN_COUNCIL, IN_SENATE]) links.push((await oak.ask(["invite", "link", ...moot])).link);
      const flags = ["-serve", "-hostname", "elm", "-agent-socket", join(home.path, "elm.sock")];
      await elm.startDaemon(["join", ...flags, "-trace-reconcile", ...links], "joined");
      await elm.daemon.json({ event: "joined" });
      await elm.run(["inbox"]);
    });
    afterAll(async () => {
      for (const node of [oak, elm]) await node?.[Symbol.asyncDispose]();
      home?.[Symbol.dispose]();
    });

    test("join -agent-socket lets agents in there, and what they publish is looked through unless -force is given", async () => {
      expect(existsSync(join(elm.data, "agent.sock"))).toBe(false);
      const env = { ENTMOOT_DATA: undefined, ENTMOOT_AGENT_SOCKET: join(home.path, "elm.sock") };
      const words = ["publish", ...IN_COUNCIL, ...CHAT, SECRET];
      expect(await elm.run(words, { env })).toMatchObject({ status: 5, stderr: expect.stringContaining("-force") });
      expect(await elm.run([...words, "-force"], { env })).toMatchObject({ status: 0 });
    });

    test("the life of each stream, and each step of comparing, is logged where that is asked for", async () => {
      for (const text of ['msg="peer connected"', 'msg="stream opening"', 'msg="stream closed"', "read_bytes="]) {
        await oak.daemon.said(text);
        expect(elm.daemon.stderr).not.toContain(text);
      }
      for (const text of ['msg="reconcile: asks"', 'msg="reconcile: is answered"', 'msg="reconcile: compared"']) {
        await elm.daemon.said(text);
        expect(oak.daemon.stderr).not.toContain(text);
      }
      expect(oak.daemon.stderr).toContain("so nothing is changed by -pilot-wait-base-delay, -pilot-wait-max-delay\n");
    });

    test("tail -receipts tells what becomes of what was asked, in the order it comes", async () => {
      await using tail = oak.spawn(["tail", "-receipts", ...IN_COUNCIL]);
      await using plain = oak.spawn(["tail", ...IN_COUNCIL]);
      await eventually("tails that watch", async () => {
        await oak.ask(["publish", ...IN_COUNCIL, ...CHAT, "@elm seen?"]);
        return [tail, plain].every(({ stdout }) => stdout.includes("seen?")) || undefined;
      });
      expect(await tail.json({ event: "receipt" })).toMatchObject({ node_id: await idOf(elm), state: "nobody" });
      const { message_id } = await oak.ask(["publish", ...IN_COUNCIL, ...CHAT, "the end"]);
      await plain.json({ message_id });
      expect(plain.stdout).not.toContain('"event":"receipt"');
    });

    test("ask: topics, a token that waits for the same answer, JSON, and what looks like a secret", async () => {
      const words = ["ask", "@elm", "is it green?", ...IN_COUNCIL, "-topic", "builds", "-token", TOKEN, "-wait", "1m"];
      const asking = oak.spawn([...words, "-json"]);
      const asked = await eventually("the question", async () => {
        return rows((await elm.run(["inbox", "-json"])).stdout).find(({ content }) => content.includes("green"));
      });
      expect(asked.topic).toEqual(["builds"]);
      const answer = ["reply", asked.message_id, "-content", "it is", "-token", "the same answer!"];
      const first = await elm.ask(answer);
      expect(await elm.ask(answer)).toMatchObject({ duplicate: true, message_id: first.message_id });
      expect(JSON.parse((await asking.ended()).stdout)).toMatchObject({ content: "it is" });
      expect(await oak.run(words)).toMatchObject({ status: 0, stdout: "it is\n" });
      expect((await oak.ask(["query", ...IN_COUNCIL, "-topic", "builds", "-author", "oak"])).content).toContain(
        "green",
      );
      const secret = ["ask", "@elm", `take ${SECRET}`, ...IN_COUNCIL, "-wait", "100ms"];
      expect(await oak.run(secret)).toMatchObject({ status: 5, stderr: expect.stringContaining("-force") });
      expect(await oak.run([...secret, "-force"])).toMatchObject({ status: 8 });
    });

    test("an inbox, what is muted in it, and receipts, of one moot and as many as are asked for", async () => {
      for (const text of ["one", "two"]) await oak.ask(["publish", ...IN_COUNCIL, ...CHAT, `@elm ${text}`]);
      await oak.ask(["publish", ...IN_SENATE, ...CHAT, "@elm three"]);
      const shown = async (...flags: string[]) => {
        const { stdout } = await elm.run(["inbox", "-json", ...flags]);
        return rows(stdout).map(({ content }) => content as string);
      };
      await eventually("all of it", async () => ((await shown("-asks")).length >= 4 ? true : undefined));
      expect(await shown(...IN_SENATE)).toEqual(["@elm three"]);
      expect(await shown("-limit", "1")).toHaveLength(1);
      const limited = rows((await oak.run(["receipts", "-json", "-limit", "2"])).stdout);
      expect(limited).toHaveLength(2);
      expect(rows((await oak.run(["receipts", "-json"])).stdout).length).toBeGreaterThan(2);

      const member = `${await idOf(oak)}`;
      for (const moot of [IN_COUNCIL, IN_SENATE]) await elm.ask(["mute", member, ...moot]);
      expect(await shown()).toEqual([]);
      await elm.ask(["unmute", member, ...IN_SENATE]);
      await oak.ask(["publish", ...IN_COUNCIL, ...CHAT, "unheard"]);
      await oak.ask(["publish", ...IN_SENATE, ...CHAT, "heard"]);
      await eventually("what is heard", async () => (await shown()).includes("heard") || undefined);
      await eventually("what is not", async () => {
        const { stdout } = await elm.run(["query", ...IN_COUNCIL, "-limit", "100"]);
        return stdout.includes("unheard") || undefined;
      });
      expect(await shown()).toEqual(["@elm three", "heard"]);
      await elm.ask(["unmute", member]);
    });

    test("reply -timeout ends what is never read to its end", async () => {
      const [{ message_id }] = rows((await elm.run(["query", ...IN_COUNCIL, "-limit", "1"])).stdout);
      const words = ["reply", message_id, "-file", "-", "-timeout", "200ms"];
      const { status, stderr } = await elm.run(words, { stdin: "open" });
      expect([status, stderr]).toEqual([1, expect.stringContaining("200 ms")]);
    });

    test("monitor and mcp take messages of the moot that is named, and mcp wakes nobody with -wake=false", async () => {
      const senate = (await moots(elm)).get("senate")!;
      const inbox = join(home.path, "session.sock");
      const session = { CLAUDE_CODE_MESSAGING_SOCKET: inbox, CLAUDE_CODE_MESSAGING_TOKEN: "t".repeat(32) };
      const agent = { ENTMOOT_DATA: undefined, ENTMOOT_AGENT_SOCKET: join(home.path, "elm.sock") };
      const env = { ...agent, ...IN_SESSION };
      using _inbox = Bun.listen({ unix: inbox, socket: { data() {} } });
      const listener = () =>
        eventually("one that listens", async () => (await elm.ask(["call", "deliveries", "{}"])).listeners[0]);
      await using silent = elm.spawn(["mcp", "-wake=false", "-group", senate], {
        env: { ...env, ...session },
        stdin: "open",
      });
      const call = (id: number, method: string, params: object) =>
        silent.write(`${JSON.stringify({ jsonrpc: "2.0", id, method, params })}\n`);
      const clientInfo = { name: "claude-code", version: "2.1.300" };
      call(1, "initialize", { protocolVersion: "2025-06-18", capabilities: {}, clientInfo });
      await silent.json({ id: 1 });
      silent.write(`${JSON.stringify({ jsonrpc: "2.0", method: "notifications/initialized" })}\n`);
      call(2, "tools/call", { name: "entmoot_groups", arguments: {} });
      const { result } = await silent.json({ id: 2 });
      expect(JSON.stringify(result)).toContain("senate");
      expect(JSON.stringify(result)).not.toContain("council");

      await using monitor = elm.spawn(["monitor", "-group", senate], { env, stdin: "open" });
      expect(await listener()).toMatchObject({ door: expect.stringContaining("monitor"), group_id: senate });
      monitor.kill("SIGTERM");
      await monitor.ended();
      await eventually("nobody", async () => {
        const { listeners } = await elm.ask(["call", "deliveries", "{}"]);
        return listeners.length === 0 || undefined;
      });
      await using waking = elm.spawn(["mcp"], { env: { ...env, ...session }, stdin: "open" });
      waking.write(
        `${JSON.stringify({ jsonrpc: "2.0", id: 1, method: "initialize", params: { protocolVersion: "2025-06-18", capabilities: {}, clientInfo } })}\n`,
      );
      expect((await listener()).group_id).toBeUndefined();
    });

    test("a member is named by the node id that belongs to its key, and its links end with it", async () => {
      const add = ["roster", "add", ...IN_SENATE, "-pubkey", KEY];
      const right = (await oak.ask(add)).added.pilot_node_id;
      const refusedAdd = await oak.run([...add, "-node", "7"]);
      expect([refusedAdd.status === 0, refusedAdd.stderr]).toEqual([false, expect.stringContaining("node")]);
      const remove = ["roster", "remove", ...IN_SENATE, "-pubkey", KEY];
      const other = await oak.run([...remove, "-node", "7"]);
      expect([other.status, other.stderr]).toEqual([2, expect.stringContaining("node 7 is not a member")]);
      const kept = await oak.run([...remove, "-node", `${right}`]);
      expect(kept).toMatchObject({ status: 0, stderr: expect.stringContaining("-revoke-links the next time") });
      await oak.ask([...add, "-node", `${right}`]);
      const ended = await oak.run([...remove, "-revoke-links"]);
      expect(ended).toMatchObject({ status: 0, stderr: "" });
      expect((await oak.run(["invite", "list", ...IN_SENATE])).stdout).not.toContain('"active"');
    });

    test("voices join the moot that is named, or by the link", async () => {
      const council = (await moots(oak)).get("council")!;
      expect(await oak.ask(["voice", "add", "fir", ...IN_COUNCIL])).toMatchObject({ group_id: council });
      const { link } = await oak.ask(["invite", "link", ...IN_COUNCIL]);
      expect(await elm.ask(["voice", "add", "ash", "-link", link])).toMatchObject({ group_id: council });
      for (const [node, name] of [
        [oak, "fir"],
        [elm, "ash"],
      ] as const) {
        await node.run(["voice", "remove", name, "-yes"]);
      }
    });

    test("a founder with members forgets a moot by -force alone", async () => {
      const forget = ["group", "forget", ...IN_SENATE, "-yes", "-keep=false"];
      const refused = await oak.run(forget);
      expect([refused.status === 0, refused.stderr]).toEqual([false, expect.stringContaining("-force")]);
      expect(await oak.run([...forget, "-force"])).toMatchObject({ status: 0 });
      expect((await moots(oak)).has("senate")).toBe(false);
    });

    test("join -timeout gives up whom nobody answers", async () => {
      await using ash = new DaemonNode(home.path, "ash");
      const { link } = await oak.ask(["invite", "link", ...IN_COUNCIL]);
      for (const { daemon } of [oak, elm]) daemon.kill("SIGSTOP");
      try {
        const refused = await ash.run(["join", link, "-timeout", "300ms"]);
        // Without it that takes longer than this test may.
        expect([refused.status, refused.stderr]).toEqual([1, expect.stringContaining("could not be reached in time")]);
      } finally {
        for (const { daemon } of [oak, elm]) daemon.kill("SIGCONT");
      }
    });

    test("serve -supervised ends with its stdin", async () => {
      await using fir = new DaemonNode(home.path, "fir");
      const served = fir.spawn(["serve", "-supervised"], { stdin: "open" });
      await served.json({ event: "serving" });
      served.closeStdin();
      expect((await served.ended()).status).toBe(0);
    });
  });
});
