import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { agree, DaemonNode, eventually } from "../support/daemon.ts";
import { inNetns } from "../support/netns.ts";
import { TemporaryDirectory } from "../support/temporary-directory.ts";

setDefaultTimeout(120_000);

inNetns(import.meta, () => {
  let directory: TemporaryDirectory;
  let main: DaemonNode;
  const voiceNode = (name: string) => new DaemonNode(join(main.data, "voices"), name);
  const isThere = (pid: number) => existsSync(`/proc/${pid}`);

  beforeAll(async () => {
    directory = new TemporaryDirectory();
    main = new DaemonNode(directory.path, "main");
    await main.serve();
  });
  afterAll(async () => {
    await main?.[Symbol.asyncDispose]();
    directory?.[Symbol.dispose]();
  });

  describe("voices of one data root", () => {
    test("two commands give two agents keys of their own, and they talk in the local moot", async () => {
      const oak = await main.ask(["voice", "add", "oak"]);
      const elm = await main.ask(["voice", "add", "elm"]);
      expect(oak).toMatchObject({ name: "oak", state: "running", group_id: elm.group_id });
      const local = await main.group(oak.group_id);
      expect(local).toMatchObject({ name: "local", members: 3, founder: true });
      // By the agents' socket of one, as its agent would.
      const [one, other] = [voiceNode("oak"), voiceNode("elm")];
      await one.ask(["publish", "-topic", "chat", "-content", "hello from oak"]);
      await agree([main, one, other], { messages: 1, groupId: oak.group_id });
      const { members } = await other.ask(["call", "members", JSON.stringify({ group_id: oak.group_id })]);
      expect(members.map(({ hostname }: { hostname: string }) => hostname)).toEqual(
        expect.arrayContaining(["oak", "elm"]),
      );
    });

    test("each knows the other by its key, and the node above it, whatever they call themselves", async () => {
      const groupId = (await main.group()).group_id;
      await main.ask(["publish", "-topic", "chat", "-content", "hello from above"]);
      await agree([main, voiceNode("oak"), voiceNode("elm")], { messages: 2, groupId });
      const rowsOf = async (node: DaemonNode) => {
        const { stdout } = await node.run(["inbox", "-json"]);
        const rows = stdout.trim().split("\n");
        return rows.map((line) => JSON.parse(line)).map(({ content, role, trust }) => ({ content, role, trust }));
      };
      expect(await rowsOf(voiceNode("elm"))).toEqual([
        { content: "hello from oak", role: "member", trust: "known" },
        { content: "hello from above", role: "founder", trust: "operator" },
      ]);
      expect(await rowsOf(main)).toEqual([{ content: "hello from oak", role: "member", trust: "known" }]);
    });

    test("info tells of them: key, process and moots", async () => {
      const { voices: kept } = await main.ask(["voice", "list"]);
      const { voices } = await main.ask(["info"]);
      const { entmoot_pubkey } = await voiceNode("oak").ask(["info"]);
      const { pid } = kept.find(({ name }: { name: string }) => name === "oak");
      expect(voices.map(({ name }: { name: string }) => name)).toEqual(["elm", "oak"]);
      expect(voices[1]).toMatchObject({
        entmoot_pubkey,
        groups: [{ name: "local" }],
        pid,
        running: true,
        state: "running",
      });
    });

    test("the same again changes nothing", async () => {
      const before = await main.ask(["voice", "list"]);
      await main.ask(["voice", "add", "oak"]);
      expect(await main.ask(["voice", "list"])).toEqual(before);
      expect((await main.group()).members).toBe(3);
    });

    test("one that dies is started again, and says how it died", async () => {
      const { voices } = await main.ask(["voice", "list"]);
      const { pid } = voices.find(({ name }: { name: string }) => name === "elm");
      process.kill(pid, "SIGKILL");
      const again = await eventually("elm is back", async () => {
        const now = await main.ask(["voice", "list"]);
        return now.voices.find(
          (voice: { name: string; pid: number | null; state: string }) =>
            voice.name === "elm" && voice.pid !== pid && voice.state === "running",
        );
      });
      expect(again).toMatchObject({ restarts: 1, failure: "SIGKILL", state: "running" });
    });

    test("they end with the daemon above them, however it ends, and are back with it", async () => {
      const pidsOf = async () => {
        const { voices } = await main.ask(["voice", "list"]);
        const running = voices.filter(({ state }: { state: string }) => state === "running");
        return running.map(({ pid }: { pid: number }) => pid) as number[];
      };
      const killed = await pidsOf();
      await main.kill();
      await eventually("nobody is left", async () => !killed.some(isThere) || undefined);
      await main.serve();
      const ended = await eventually("both run", async () => {
        const pids = await pidsOf();
        return pids.length === 2 ? pids : undefined;
      });
      await agree([main, voiceNode("oak"), voiceNode("elm")], { messages: 2, groupId: (await main.group()).group_id });
      await main.end();
      expect(ended.filter(isThere)).toEqual([]);
      await main.serve();
    });

    test("one that is removed ends, and its key is set aside", async () => {
      const { event, set_aside } = await main.ask(["voice", "remove", "elm"]);
      expect(event).toBe("removed");
      expect(readdirSync(set_aside)).toContain("identity.json");
      expect((await main.ask(["voice", "list"])).voices.map(({ name }: { name: string }) => name)).toEqual(["oak"]);
      const { status, stderr } = await main.run(["voice", "remove", "elm"]);
      expect(status).not.toBe(0);
      expect(stderr).toContain("oak");
    });

    test("a name that is no folder's, or a path, is refused with what is allowed", async () => {
      for (const name of ["..", "a/b", "A", "", ".x", "x".repeat(64), "é"]) {
        const { status, stderr } = await main.run(["voice", "add", name]);
        expect({ name, status }).toEqual({ name, status: 5 });
        expect(stderr).toContain("voice add");
      }
    });
  });
});
