import { expect, test } from "bun:test";
import { BINARY } from "../support/binary.ts";
import { DaemonNode } from "../support/daemon.ts";
import { identity } from "../support/identity.ts";
import { inNetns } from "../support/netns.ts";
import { TemporaryDirectory } from "../support/temporary-directory.ts";

const INTO_NOTHING = ["sh", "-c", 'exec "$0" "$@" >&-', BINARY];
const INTO_FULL = ["sh", "-c", 'exec "$0" "$@" >/dev/full', BINARY];

inNetns(import.meta, () => {
  test("every command that acts and cannot print it says what stands all the same, and it does stand", async () => {
    using home = new TemporaryDirectory();
    await using a = new DaemonNode(home.path, "a");
    await a.serve();
    const full = a.through(INTO_FULL);
    const said = async (args: readonly string[]) => {
      const { status, stderr } = await full.run(["-json-errors", ...args]);
      const lines = stderr.trimEnd().split("\n");
      const { code, message } = JSON.parse(lines.at(-1)!).error;
      expect({ args, status, code }).toEqual({ args, status: 1, code: "output_failed" });
      expect(message).toContain("stdout cannot be written");
      return message;
    };
    expect(await said(["group", "create", "-name", "council", "-policy", "none"])).toContain("the moot is made");
    const { group_id } = await a.group();
    expect(await said(["invite", "link", "-group", group_id])).toContain("a link was made that nobody has seen");
    const list = async () => (await a.ask(["invite", "list", "-group", group_id])).links;
    const [{ id }] = await list();
    expect(await said(["invite", "revoke", "-group", group_id, "-id", id])).toContain("the link is revoked");
    expect(await list()).toMatchObject([{ id, status: "revoked" }]);
    const key = identity(7).publicKey.toBase64();
    for (const [op, members] of [
      ["add", 2],
      ["remove", 1],
    ] as const) {
      expect(await said(["roster", op, "-group", group_id, "-pubkey", key])).toContain("the roster is changed");
      expect(await a.group()).toMatchObject({ members });
    }
    expect(await said(["publish", "-topic", "t", "-content", "one"])).toContain("the message may be out");
    const request = JSON.stringify({ group_id, topics: ["t"], content: "eA==" });
    expect(await said(["call", "publish", request])).toContain("may have been carried out");
    expect(await a.group()).toMatchObject({ messages: 2 });
    const { link } = await a.ask(["invite", "link", "-group", group_id]);
    await using b = new DaemonNode(home.path, "b");
    const joined = await b.through(INTO_FULL).run(["join", link]);
    expect([joined.status, joined.stderr]).toEqual([1, expect.stringContaining("the joining is done all the same")]);
    expect(await b.group()).toMatchObject({ name: "council", members: 2 });

    // Those that only look have nothing to add.
    for (const args of [
      ["-help"],
      ["version"],
      ["info"],
      ["env"],
      ["operations"],
      ["query"],
      ["tail", "-n", "1"],
      ["peers", "-group", group_id],
      ["invite", "list", "-group", group_id],
      ["invite", "create", "-group", group_id],
      ["self-test"],
      ["update-lock"],
    ]) {
      expect(await said(args)).not.toContain("all the same");
    }
    // The runtime puts /dev/null in the place of a stdout that is closed; what is really sent there is taken.
    const closed = a.through(INTO_NOTHING);
    for (const args of [
      ["publish", "-topic", "t", "-content", "two"],
      ["call", "publish", request],
      ["query"],
      ["tail", "-n", "1"],
    ]) {
      const { status, stderr } = await closed.run(["-json-errors", ...args]);
      const { code, message } = JSON.parse(stderr.trimEnd().split("\n").at(-1)!).error;
      expect({ args, status, code }).toEqual({ args, status: 1, code: "output_failed" });
      expect(message).toContain("stdout cannot be written: it is closed");
    }
    expect(await a.group()).toMatchObject({ messages: 4 });
    const unread = a.through(["sh", "-c", 'exec "$0" "$@" <>/dev/null >&0', BINARY]);
    expect((await unread.run(["query"])).status).toBe(0);
    expect(await said(["stop"])).toContain("the daemon has ended");
    expect((await a.daemon.ended()).status).toBe(0);
    const up = await full.run(["up"]);
    expect([up.status, up.stderr]).toEqual([1, expect.stringContaining("a moot and a link may have been made")]);
  });
});
