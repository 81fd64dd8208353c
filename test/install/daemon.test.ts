import { expect, test } from "bun:test";
import { existsSync, readlinkSync } from "node:fs";
import { join } from "node:path";
import { BINARY } from "../support/binary.ts";
import { DaemonNode, eventually } from "../support/daemon.ts";
import { inNetns } from "../support/netns.ts";
import { Sandbox } from "./sandbox.ts";

inNetns(import.meta, () => {
  test("a running daemon outlives a second installation, is stopped by uninstall, and its messages come back", async () => {
    using box = new Sandbox();
    const options = { env: { ENTMOOTD_LOCAL_BIN: BINARY } };
    await box.install([], options);
    await using node = new DaemonNode(box.home, ".entmoot", { command: [box.alias], env: { ENTMOOT_DATA: undefined } });
    await node.serve();
    await node.ask(["group", "create", "-name", "council"]);
    await node.ask(["publish", "-topic", "chat", "-content", "kept"]);
    const before = await node.group();

    const wrapper = `'${box.installDir}/entmoot'`;
    expect(await box.install([], options)).toContain(`to change over: ${wrapper} stop, then ${wrapper} serve\n`);
    expect(await node.ask(["info"])).toMatchObject({ running: true, pid: node.daemon.pid });

    // Somebody else runs the program too: nothing is done to either, and the trial run says so.
    await using tail = node.spawn(["tail"]);
    await eventually("tail runs", () => readlinkSync(`/proc/${tail.pid}/exe`) === box.binary || undefined);
    for (const args of [["uninstall", "--dry-run"], ["uninstall"]]) {
      const { status, stderr } = await box.run(args);
      expect([status, stderr]).toEqual([1, expect.stringContaining(`still runs as process ${tail.pid}; end it first`)]);
      expect(await node.ask(["info"])).toMatchObject({ running: true, pid: node.daemon.pid });
    }
    tail.kill("SIGTERM");
    await tail.ended();

    expect(await box.install(["uninstall", "--dry-run"])).toContain("would stop the daemon");
    expect(await box.install(["uninstall"])).toContain("stopped the daemon");
    expect((await node.daemon.ended()).status).toBe(0);
    expect(existsSync(box.binary)).toBe(false);
    expect(existsSync(join(box.installDir, "identity.json"))).toBe(true);
    expect(existsSync(join(box.installDir, "lib"))).toBe(false);

    await box.install([], options);
    await node.serve();
    const { merkle_root, messages } = await node.group();
    expect({ merkle_root, messages }).toEqual({ merkle_root: before.merkle_root, messages: 1 });
  });
});
