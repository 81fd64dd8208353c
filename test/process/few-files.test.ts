import { expect, test } from "bun:test";
import { chownSync, existsSync, mkdirSync, readFileSync, rmSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { encodeUtf8 } from "../../src/core/bytes/utf8.ts";
import { GroupId } from "../../src/core/ids.ts";
import { type NodeStatus, status } from "../../src/node/operations/daemon.ts";
import { publish } from "../../src/node/operations/messages.ts";
import { group_create } from "../../src/node/operations/moots.ts";
import { BINARY } from "../support/binary.ts";
import { DaemonNode, eventually } from "../support/daemon.ts";
import { missingTool, testWhere } from "../support/needs.ts";
import { inNetns } from "../support/netns.ts";
import { OPEN_GROUP } from "../support/nodes.ts";
import { otherUserFolder, otherUserMissing } from "../support/other-user.ts";
import { TemporaryDirectory } from "../support/temporary-directory.ts";

/** A daemon that may have so many files open; without moots and clients it has twenty. */
const withFiles = (count: number) => ["sh", "-c", `ulimit -n ${count}; exec "$0" "$@"`, BINARY];

/** Linux counts a process's time in hundredths of a second, whatever the machine. */
const TICK_MS = 10;

inNetns(import.meta, () => {
  test.each([24, 32, 64])(
    "with %i files and three hundred clients that do nothing a daemon rests, and answers",
    async (files) => {
      using home = new TemporaryDirectory();
      await using node = new DaemonNode(home.path, "a", { command: withFiles(files) });
      await node.serve();
      await using asking = new DaemonNode(home.path, "a");
      using _idle = await IdleClients.connect(join(node.data, "control.sock"), 300);
      expect(await asking.ask(["info"])).toMatchObject({ running: true, pid: node.daemon.pid });
      const made = await asking.run(["group", "create", "-name", "council", "-policy", "none"]);
      if (made.status === 0) await asking.ask(["publish", "-topic", "chat", "-content", "here"]);
      // Where there is no room for its database, that is said; what is open goes on.
      else expect(made.stderr).toMatch(/too many files are open.*ulimit -n/);
      const [spent, began] = [processorMs(node.daemon.pid), performance.now()];
      for (const _ of ["once", "and again"]) {
        rmSync(join(node.data, "agent.sock"));
        await eventually("agent.sock again", () => existsSync(join(node.data, "agent.sock")) || undefined);
      }
      expect(processorMs(node.daemon.pid) - spent).toBeLessThan((performance.now() - began) / 4);
      expect(await asking.ask(["info"])).toMatchObject({ running: true });
      const told = node.daemon.stderr.match(/as many files open as it may/g) ?? [];
      expect(told.length).toBeLessThanOrEqual(1);
      await node.end();
    },
  );

  test("with tails for all its places a daemon still answers, and each tail says once that it is full", async () => {
    using home = new TemporaryDirectory();
    await using node = new DaemonNode(home.path, "a", { command: withFiles(64) });
    await node.serve();
    await using asking = new DaemonNode(home.path, "a");
    await asking.ask(["group", "create", "-name", "council", "-policy", "none"]);
    await using tails = new AsyncDisposableStack();
    const waiting = Array.from({ length: 12 }, () => tails.use(asking.spawn(["tail"])));
    await eventually(
      "tails that wait for a place",
      () => waiting.filter(({ stderr }) => stderr.includes("the daemon is full")).length >= 4 || undefined,
    );
    for (let n = 0; n < 4; n++) {
      await asking.ask(["publish", "-topic", "chat", "-content", `${n}`]);
      expect(await asking.ask(["env", "-json"])).toMatchObject({ runtime_status: "healthy" });
    }
    await eventually("what was published", () => waiting.some(({ stdout }) => stdout.includes('"3"')) || undefined);
    for (const { stderr } of waiting) {
      expect(stderr.match(/the daemon is full/g)?.length ?? 0).toBeLessThanOrEqual(1);
      expect(stderr.match(/has gone/g)?.length ?? 0).toBeLessThanOrEqual(1);
    }
  });

  test.each([
    [40, 64],
    [200, 256],
  ])("%i moots are served with %i files, written, read, and opened again by the next daemon", async (count, files) => {
    using home = new TemporaryDirectory();
    await using node = new DaemonNode(home.path, "a", { command: withFiles(files) });
    for (const round of [1, 2]) {
      await node.serve();
      let groups: NodeStatus["groups"];
      {
        await using client = await node.client();
        if (round === 1)
          for (let n = 0; n < count; n++) await client.call(group_create, { ...OPEN_GROUP, join_mode: "invite_only" });
        ({ groups } = await client.call(status, {}));
        expect(groups).toHaveLength(count);
        const content = encodeUtf8(`round ${round}`);
        await Promise.all(groups.map(({ group_id }) => client.call(publish, { group_id, topics: ["chat"], content })));
        const after = await client.call(status, {});
        expect(after.unopened).toEqual([]);
        expect(after.groups.map(({ messages }) => messages)).toEqual(groups.map(() => round));
      }
      // Beside the daemon, with as few files of its own.
      for (const { group_id } of [groups[0]!, groups.at(-1)!]) {
        const { stdout } = await node.run(["query", "-group", GroupId.toBase64(group_id)]);
        expect(stdout.trimEnd().split("\n")).toHaveLength(round);
      }
      await node.end();
    }
  });

  test("where not one more file can be opened, a start ends with the reason", async () => {
    using home = new TemporaryDirectory();
    await using node = new DaemonNode(home.path, "a", { command: withFiles(12) });
    const { status, stderr } = await node.run(["serve"]);
    expect(status).toBe(1);
    expect(stderr).toMatch(/cannot be opened: too many files are open here; raise the limit.*ulimit -n/);
  });

  testWhere(
    missingTool("prlimit") ?? otherUserMissing(),
    "where there is room for few threads a daemon rests and answers, and where it is too little a start says so",
    async () => {
      using home = new TemporaryDirectory();
      const theirs = otherUserFolder(home.path);
      // The limit is for all processes of a user, so this one has no others.
      const user = 100_000 + (process.pid % 100_000);
      chownSync(theirs, user, user);
      const withThreads = (count: number) => [
        ...["prlimit", `--nproc=${count}`, "setpriv", `--reuid=${user}`, `--regid=${user}`, "--clear-groups"],
        BINARY,
      ];
      const processors = availableParallelism();
      await using little = new DaemonNode(theirs, "a", { command: withThreads(2 * processors + 4) });
      const { status, stdout, stderr } = await little.run(["serve"]);
      expect({ status, stdout }).toEqual({ status: 1, stdout: "" });
      expect(stderr).toMatch(
        /expected room for \d+ threads, found room for \d+; raise the limit of processes.*ulimit -u/,
      );

      await using node = new DaemonNode(theirs, "a", { command: withThreads(3 * processors + 16) });
      await node.serve();
      await using asking = new DaemonNode(theirs, "a");
      await asking.ask(["group", "create", "-name", "council", "-policy", "none"]);
      const [spent, began] = [processorMs(node.daemon.pid), performance.now()];
      for (let n = 0; n < 5; n++) await asking.ask(["publish", "-topic", "chat", "-content", `${n}`]);
      expect(processorMs(node.daemon.pid) - spent).toBeLessThan((performance.now() - began) / 2);
      expect(await asking.ask(["env", "-json"])).toMatchObject({ runtime_status: "healthy" });
      await node.end();
    },
  );

  test("a path that is too long is called that, for a data root that is there and for one that is not", async () => {
    using home = new TemporaryDirectory();
    const [there, missing] = ["d", "e"].map((letter) => join(home.path, ...Array<string>(5).fill(letter.repeat(100))));
    mkdirSync(there!, { recursive: true });
    for (const data of [there!, missing!]) {
      await using node = new DaemonNode(home.path, "a", { env: { ENTMOOT_DATA: data } });
      for (const command of [["serve"], ["group", "create", "-name", "council"]]) {
        const { status, stderr } = await node.run(command);
        expect({ status, stderr }).toEqual({
          status: 1,
          stderr: expect.stringMatching(/this path has \d+ bytes.*shorter path/),
        });
      }
    }
  });
});

/** Processor time of a process so far. */
function processorMs(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, "latin1").split(") ").at(-1)!.split(" ");
  return (Number(fields[11]) + Number(fields[12])) * TICK_MS;
}

/** Connections that say nothing; those that are closed meanwhile are not made again. */
class IdleClients implements Disposable {
  readonly #sockets: readonly Socket[];

  private constructor(sockets: readonly Socket[]) {
    this.#sockets = sockets;
  }

  static async connect(path: string, count: number): Promise<IdleClients> {
    const sockets = await Promise.all(
      Array.from({ length: count }, () => {
        const socket = connect({ path });
        socket.on("error", () => {}); // It was shown the door.
        return new Promise<Socket>((resolve) => {
          for (const event of ["connect", "close"]) socket.once(event, () => resolve(socket));
        });
      }),
    );
    return new IdleClients(sockets);
  }

  [Symbol.dispose](): void {
    for (const socket of this.#sockets) socket.destroy();
  }
}
