import { expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { formatPolicy, POLICY_PRESETS, type Policy } from "../../src/core/policy/policy.ts";
import { DaemonNode } from "../support/daemon.ts";
import { inNetns } from "../support/netns.ts";
import { exchange, frameBytes } from "../support/raw-control.ts";
import { TemporaryDirectory } from "../support/temporary-directory.ts";

/** Far more than any test says, so that one limit is tried at a time. */
const OPEN: Policy = {
  ...POLICY_PRESETS.relaxed,
  message_rate_per_author: "6000/min",
  message_burst_per_author: 1000n,
  byte_rate_per_author: "64MiB/min",
  byte_burst_per_author: 1_000_000n,
};

const LIMITS: Readonly<Record<string, Partial<Policy>>> = {
  messages: { message_rate_per_author: "1/hour", message_burst_per_author: 1n },
  // All bytes of a message count, not those of its content alone.
  bytes: { byte_rate_per_author: "2KiB/hour", byte_burst_per_author: 2048n, max_message_bytes: 1024n },
};

/** Wire. "Publish this", of the original's frames, and its refusal. */
const [PUBLISH_REQ, ERROR] = [0x10, 0x1f];

inNetns(import.meta, () => {
  test("each rate is status 7 with the time to wait, through every door, and nothing is signed for it", async () => {
    using home = new TemporaryDirectory();
    await using a = new DaemonNode(home.path, "a");
    await a.serve();
    for (const [name, limit] of Object.entries(LIMITS)) {
      const file = join(home.path, `${name}.json`);
      writeFileSync(file, formatPolicy({ ...OPEN, ...limit }));
      const { group_id } = await a.ask(["group", "create", "-name", name, "-policy", `file:${file}`]);
      const content = "x".repeat(1000);
      const publish = ["publish", "-group", group_id, "-topic", "chat", "-content", content];
      await a.ask(publish);
      const request = { group_id, topics: ["chat"], content: Buffer.from(content).toString("base64") };
      for (const args of [publish, [...publish, "-wait", "1s"], ["call", "publish", JSON.stringify(request)]]) {
        const { status, stdout, stderr } = await a.run(["-json-errors", ...args]);
        expect({ name, args, status, stdout }).toEqual({ name, args, status: 7, stdout: "" });
        const { code, retry_after_ms } = JSON.parse(stderr).error;
        expect({ code, wait: retry_after_ms > 60_000 && retry_after_ms <= 3_600_000 }).toEqual({
          code: "rate_limited",
          wait: true,
        });
      }
      const prose = await a.run(publish);
      expect([prose.status, prose.stderr]).toEqual([7, expect.stringMatching(/try again in (?:1 h|\d+ min)/)]);
      // Clients of the original know no such code.
      const bytes = frameBytes(PUBLISH_REQ, JSON.stringify(request));
      const reply = await exchange(join(a.data, "control.sock"), bytes, { halfClose: true });
      expect([reply[4], JSON.parse(Buffer.from(reply.subarray(5)).toString())]).toEqual([
        ERROR,
        expect.objectContaining({ code: "UNAVAILABLE", message: expect.stringContaining("rate limited") }),
      ]);
      expect(await a.group(group_id)).toMatchObject({ messages: 1 });
    }
    await a.end();
  });

  test("-wait waits for the turn of bytes too, which comes when it was said", async () => {
    using home = new TemporaryDirectory();
    await using a = new DaemonNode(home.path, "a");
    await a.serve();
    const file = join(home.path, "policy.json");
    const bytes = { byte_rate_per_author: "60KiB/min", byte_burst_per_author: 1024n, max_message_bytes: 1024n };
    writeFileSync(file, formatPolicy({ ...OPEN, ...bytes }));
    const { group_id } = await a.ask(["group", "create", "-name", "council", "-policy", `file:${file}`]);
    const publish = ["publish", "-group", group_id, "-topic", "chat", "-content", "x".repeat(1024)];
    for (const _ of ["at once", "in turn"]) await a.ask([...publish, "-wait", "10m"]);
    expect(await a.group(group_id)).toMatchObject({ messages: 2 });
    await a.end();
  });
});
