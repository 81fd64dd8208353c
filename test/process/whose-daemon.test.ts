import { expect, test } from "bun:test";
import { chmodSync, readFileSync } from "node:fs";
import { constants } from "node:os";
import { join } from "node:path";
import { BINARY } from "../support/binary.ts";
import { DaemonNode, eventually } from "../support/daemon.ts";
import { testWhere } from "../support/needs.ts";
import { inNetns } from "../support/netns.ts";
import { OTHER_USER, otherUser, otherUserFolder, otherUserMissing } from "../support/other-user.ts";
import { TemporaryDirectory } from "../support/temporary-directory.ts";

/** A process and its children that count from 1 for themselves, as in a container. */
const IN_PID_NAMESPACE = ["unshare", "-p", "-f", "--kill-child"];

inNetns(import.meta, () => {
  test("a daemon that is stopped is not called healthy, and one that goes on is", async () => {
    using home = new TemporaryDirectory();
    await using node = new DaemonNode(home.path, "a");
    await node.serve();
    const { pid } = node.daemon;
    expect(await node.ask(["env", "-json"])).toMatchObject({ runtime_status: "healthy", publish_path_healthy: true });
    node.daemon.kill("SIGSTOP");
    expect(await node.ask(["env", "-json"])).toMatchObject({
      runtime_status: "half_alive",
      runtime_status_reason: `process ${pid} is stopped; let it go on with: kill -CONT ${pid}`,
      control_socket_reachable: true,
      publish_path_healthy: false,
      running_daemon: { pid, stopped: true },
    });
    node.daemon.kill("SIGCONT");
    expect(await node.ask(["env", "-json"])).toMatchObject({ runtime_status: "healthy" });
    await node.end();
  });

  test("while a daemon is stopped what is held is read from the files, and what needs it says so with status 6", async () => {
    using home = new TemporaryDirectory();
    await using node = new DaemonNode(home.path, "a");
    await node.serve();
    const { group_id } = await node.ask(["group", "create", "-name", "council"]);
    const say = (content: string) => node.ask(["publish", "-topic", "chat", "-content", content]);
    const { message_id } = await say("held");
    const { pid } = node.daemon;
    const why = `the daemon does not answer: process ${pid} is stopped; let it go on with: kill -CONT ${pid}`;
    const held = { stdout: expect.stringContaining("held"), stderr: expect.stringContaining(why) };
    node.daemon.kill("SIGSTOP");
    await using waiting = node.spawn(["tail", "-n", "1", "-count", "2", "-timeout", "10m"]);
    const asked = JSON.stringify({ group_id });
    const [query, named, once, page, members, info, peers] = await Promise.all([
      node.run(["query"]),
      node.run(["query", "-group", "council"]),
      node.run(["tail", "-n", "1", "-timeout", "2s"]),
      node.run(["call", "messages", asked]),
      node.run(["call", "members", asked]),
      node.run(["info"]),
      node.run(["peers", "-group", "council", "-json"]),
    ]);
    // Told once, whatever is asked for.
    expect(named.stderr.split("does not answer")).toHaveLength(2);
    for (const ended of [query, named]) expect(ended).toMatchObject({ status: 0, ...held });
    expect(once).toMatchObject({ status: 6, ...held });
    for (const ended of [page, members, info, peers]) {
      expect(ended).toMatchObject({ status: 0, stderr: held.stderr });
    }
    expect(page.stdout).toContain(message_id);
    expect(JSON.parse(info.stdout)).toMatchObject({
      running: true,
      faults: [why],
      groups: [{ group_id, messages: 1 }],
    });
    for (const command of [
      ["publish", "-topic", "chat", "-content", "not now"],
      ["group", "create", "-name", "other"],
      ["invite", "link", "-group", group_id],
      ["call", "watch"],
      ["stop"],
    ]) {
      expect({ command, ...(await node.run(command)) }).toEqual({
        command,
        status: 6,
        stdout: "",
        stderr: `entmootd: ${why}\n`,
      });
    }
    await waiting.json({ content: "held" });
    await waiting.said("waiting for one");
    node.daemon.kill("SIGCONT");
    await say("again");
    await waiting.json({ content: "again" });
    expect((await waiting.ended()).status).toBe(0);
    await node.end();
  });

  testWhere(
    pidNamespaceMissing(),
    "a daemon of another container is called that, and its number is nobody's here",
    async () => {
      using home = new TemporaryDirectory();
      const command = [...IN_PID_NAMESPACE, BINARY];
      await using inside = new DaemonNode(home.path, "a", { command });
      await inside.serve();
      await using outside = new DaemonNode(home.path, "a");
      expect(await outside.ask(["info"])).toMatchObject({ pid: 1 });
      for (const node of [outside, inside]) {
        const { status, stderr } = await node.run(["serve"]);
        expect({ status, stderr }).toEqual({
          status: 6,
          stderr: expect.stringContaining("(a process of another container or machine)"),
        });
        expect(stderr).not.toContain("process 1");
      }
      await using other = new DaemonNode(home.path, "b");
      const taken = await other.run(["serve", "-agent-socket", join(outside.data, "control.sock")]);
      expect(taken.stderr).toMatch(/is in use by entmootd \S+; its data root/);
      expect(await outside.ask(["stop"])).toEqual({ event: "stopped", pid: 1 });
    },
  );

  testWhere(
    pidNamespaceMissing(),
    "the first process of a container ends at a signal before it is ready, as any other does",
    async () => {
      using home = new TemporaryDirectory();
      const command = [...IN_PID_NAMESPACE, BINARY];
      await using node = new DaemonNode(home.path, "a", { command });
      const reading = node.spawn(["publish", "-topic", "chat", "-file", "-"], { stdin: "open" });
      const first = await eventually("a handled SIGTERM", () => firstProcessOf(reading.pid));
      process.kill(first, "SIGTERM");
      expect((await reading.ended()).status).toBe(128 + constants.signals.SIGTERM);
      await node.serve();
      process.kill(firstProcessOf(node.daemon.pid)!, "SIGTERM");
      expect(await node.daemon.ended()).toMatchObject({ status: 0 });
    },
  );

  testWhere(otherUserMissing(), "nobody is told that another user's daemon is theirs", async () => {
    using home = new TemporaryDirectory();
    const theirs = otherUserFolder(home.path);
    await using roots = new DaemonNode(join(home.path, "root"), ".entmoot", { env: { ENTMOOT_DATA: undefined } });
    await roots.serve();
    const command = [...otherUser(), BINARY];
    await using user = new DaemonNode(theirs, ".entmoot", { command, env: { ENTMOOT_DATA: undefined } });
    const { pid } = roots.daemon;
    const seen = await user.ask(["env", "-json"]);
    expect(seen).toMatchObject({ runtime_status: "down", unknown_daemons: expect.arrayContaining([{ pid, uid: 0 }]) });
    expect(seen).not.toHaveProperty("running_daemon");
    const stopped = await user.run(["stop"]);
    expect(stopped.status).toBe(6);
    expect(stopped.stderr).not.toContain("a daemon for this data root runs");
    // One line, of which the parts stand apart.
    expect(stopped.stderr).toMatch(
      new RegExp(
        `^entmootd: .*"; whether one of these serves .* cannot be told from here: [^\n]*process ${pid} of user 0(?:, [^\n]*)?\n$`,
      ),
    );
    // Who publishes or reads is told no more.
    for (const command of [
      ["publish", "-topic", "t", "-content", "x"],
      ["tail", "-timeout", "100ms"],
    ]) {
      const { status, stderr } = await user.run(command);
      expect({ command, status }).toEqual({ command, status: 6 });
      expect(stderr).toContain("no running Entmoot daemon found");
      expect(stderr).toMatch(new RegExp(`cannot be told from here: [^\n]*process ${pid} of user 0`));
      expect(stderr).not.toContain("a daemon for this data root runs");
    }
    // Whose socket or folder keeps them out is said as other commands say it.
    const kept = `no permission (EACCES): it belongs to user 0, and this process runs as user ${OTHER_USER}`;
    chmodSync(join(home.path, "root"), 0o755);
    chmodSync(roots.data, 0o711);
    for (const env of [
      { ENTMOOT_DATA: roots.data },
      { ENTMOOT_DATA: undefined, ENTMOOT_AGENT_SOCKET: join(roots.data, "agent.sock") },
    ]) {
      const refused = JSON.parse((await user.run(["env", "-json"], { env })).stdout);
      expect(refused).toMatchObject({ runtime_status: "down", runtime_status_reason: expect.stringContaining(kept) });
    }
    // One thing is wrong, and nothing of what cannot be seen is called damaged.
    for (const flags of [["doctor"], ["doctor", "-fix"]]) {
      const looked = await user.run(flags, { env: { ENTMOOT_DATA: roots.data } });
      const said = `${roots.data} belongs to user 0, and this is user ${OTHER_USER}; run as that user`;
      expect({ flags, said: looked.stdout + looked.stderr }).toEqual({ flags, said: expect.stringContaining(said) });
      expect((looked.stdout.match(/FAILED/g) ?? []).length).toBe(flags.length === 1 ? 1 : 0);
    }
    // Root sees what it was started with, and whose it is.
    expect(await roots.ask(["env", "-json"])).toMatchObject({ runtime_status: "healthy", running_daemon: { pid } });
    const elsewhere = await roots.ask(["env", "-json"], { env: { ENTMOOT_DATA: join(home.path, "none") } });
    expect(elsewhere.suggestions).toContainEqual(
      expect.stringContaining(`a daemon of another data root runs: pid ${pid}, data ${roots.data}`),
    );
  });
});

/** The process that `unshare` started, once it handles SIGTERM; `undefined` before. */
function firstProcessOf(unshare: number): number | undefined {
  const [pid] = readFileSync(`/proc/${unshare}/task/${unshare}/children`, "utf8").split(" ").map(Number);
  if (!pid) return undefined;
  const handled = /^SigCgt:\s*([0-9a-f]+)$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1] ?? "0";
  const isHandled = (BigInt(`0x${handled}`) >> BigInt(constants.signals.SIGTERM - 1)) & 1n;
  return isHandled === 1n ? pid : undefined;
}

function pidNamespaceMissing(): string | undefined {
  const isPermitted = Bun.which("unshare") !== null && Bun.spawnSync([...IN_PID_NAMESPACE, "true"]).success;
  return isPermitted ? undefined : "needs pid namespaces, which this machine does not permit";
}
