import { expect, test } from "bun:test";
import { join } from "node:path";
import { BINARY } from "../support/binary.ts";
import { DaemonNode } from "../support/daemon.ts";
import { inNetns } from "../support/netns.ts";
import { TemporaryDirectory } from "../support/temporary-directory.ts";

inNetns(import.meta, () => {
  test("a daemon that hangs holds up no command for longer than the time it was given", async () => {
    using home = new TemporaryDirectory();
    await using a = new DaemonNode(home.path, "a");
    await a.serve();
    await a.ask(["group", "create", "-name", "council"]);
    const { pid } = a.daemon;
    a.daemon.kill("SIGSTOP");
    try {
      const [tail, ...others] = await Promise.all([
        a.run(["tail", "-count", "1", "-timeout", "1s"]),
        a.run(["publish", "-topic", "t", "-content", "x", "-wait", "1s"]),
        a.run(["publish", "-topic", "t", "-content", "x", "-timeout", "1s"]),
        a.run(["publish", "-topic", "t", "-content", "x", "-wait", "100ms"]),
        a.run(["stop", "-timeout", "1s"]),
      ]);
      expect(tail).toMatchObject({ status: 8, stderr: expect.stringContaining("0 of 1 messages came within 1 s") });
      const why = `entmootd: the daemon does not answer: process ${pid} is stopped; let it go on with: kill -CONT ${pid}\n`;
      for (const { status, stderr } of others) expect({ status, stderr }).toEqual({ status: 6, stderr: why });
    } finally {
      a.daemon.kill("SIGCONT");
    }
    for (const args of [
      ["publish", "-topic", "t", "-content", "x", "-wait", "-5s"],
      ["publish", "-topic", "t", "-content", "x", "-timeout=-1s"],
      ["stop", "-timeout=-1s"],
    ]) {
      const { status, stderr } = await a.run(args);
      expect({ status, stderr }).toMatchObject({ status: 5, stderr: expect.stringContaining("of 0s or more") });
    }
    const twice = await a.ask(["publish", "-topic", "t,u,t", "-content", "x"]);
    expect(twice.topic).toEqual(["t", "u"]);
  });

  test("a command started together with the daemon waits for it, and tail that knows its end waits for one", async () => {
    using home = new TemporaryDirectory();
    await using a = new DaemonNode(home.path, "a");
    const counted = await a.run(["tail", "-count", "1", "-timeout", "300ms"]);
    expect([counted.status, counted.stdout]).toEqual([8, ""]);
    expect(counted.stderr).toContain("waiting for one");
    expect(counted.stderr).toContain("0 of 1 messages came within 300 ms");
    expect(await a.run(["tail", "-timeout", "300ms"])).toMatchObject({ status: 6 });
    // Over the agents' socket there are no files to read meanwhile.
    const asAgent = { env: { ENTMOOT_DATA: undefined, ENTMOOT_AGENT_SOCKET: join(a.data, "agent.sock") } };
    expect(await a.run(["tail", "-timeout", "300ms"], asAgent)).toMatchObject({ status: 6, stdout: "" });
    expect(await a.run(["tail", "-count", "1", "-timeout", "300ms"], asAgent)).toMatchObject({ status: 8, stdout: "" });
    await using tail = a.spawn(["tail", "-count", "1", "-timeout", "10m"]);
    await using agents = a.spawn(["tail", "-n", "1", "-count", "1", "-timeout", "10m"], asAgent);
    for (const waiting of [tail, agents]) await waiting.said("waiting for one");
    const serving = a.serve();
    const early = await a.run(["call", "version"]);
    expect(early).toMatchObject({ status: 0 });
    await serving;
    await a.ask(["group", "create", "-name", "council"]);
    await a.ask(["publish", "-topic", "t", "-content", "x"]);
    expect(await tail.json({ content: "x" })).toMatchObject({ seq: 1 });
    expect((await tail.ended()).status).toBe(0);
    expect(await agents.json({ content: "x" })).toMatchObject({ seq: 1 });
  });

  test("an up whose reader has gone ends at once and says why", async () => {
    using home = new TemporaryDirectory();
    const command = ["sh", "-c", `'${BINARY}' "$@" | head -n 1`, "sh"];
    await using a = new DaemonNode(home.path, "a", { command });
    const { status, stdout, stderr } = await a.run(["up"]);
    expect({ status, event: JSON.parse(stdout).event }).toEqual({ status: 0, event: "ready" });
    expect(stderr).toContain("nobody reads stdout any more");
  });
});
