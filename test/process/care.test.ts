import { expect, test } from "bun:test";
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { agree, DaemonNode, eventually } from "../support/daemon.ts";
import { identity } from "../support/identity.ts";
import { inNetns } from "../support/netns.ts";
import { TemporaryDirectory } from "../support/temporary-directory.ts";

/** All below a folder, with modes. */
function modesBelow(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .map((entry) => {
      const path = join(entry.parentPath, entry.name);
      return `${entry.isDirectory() ? "folder" : "file"} ${(statSync(path).mode & 0o777).toString(8)}`;
    })
    .filter((mode) => mode !== "folder 700" && mode !== "file 600");
}

inNetns(import.meta, () => {
  test("a backup of a running founder, restored beside it, runs when it is told to, and both see it and sign no roster", async () => {
    using home = new TemporaryDirectory();
    await using a = new DaemonNode(home.path, "a");
    await using b = new DaemonNode(home.path, "b");
    await Promise.all([a.serve(), b.serve()]);
    const { group_id } = await a.ask(["group", "create", "-name", "council", "-policy", "none"]);
    const { link } = await a.ask(["invite", "link", "-group", group_id]);
    await b.ask(["join", link]);
    for (const said of ["one", "two"]) await a.ask(["publish", "-topic", "chat", "-content", said]);
    const { messages } = await a.ask(["mailbox", "pull", "-client", "bot"]);
    await a.ask(["mailbox", "ack", "-client", "bot", "-message", messages[0].message_id]);
    await a.ask(["inbox", "-ack", messages[1].message_id, "-through"]);

    const kept = join(home.path, "kept");
    expect(await a.ask(["backup", kept])).toMatchObject({ event: "backed_up", moots: 1, voices: 0 });
    expect(statSync(kept).mode & 0o777).toBe(0o700);
    expect(modesBelow(kept)).toEqual([]);
    expect(readdirSync(kept).sort()).toEqual([
      ...["agents.sqlite", "backup.json", "groups", "identity.json", "mailbox.sqlite", "node.sqlite"],
    ]);
    await a.ask(["publish", "-topic", "chat", "-content", "behind the backup"]);
    await agree([a, b], { messages: 3 });

    await using old = new DaemonNode(home.path, "old");
    expect(await old.ask(["restore", kept])).toMatchObject({ event: "restored", held: true, moots: 1 });
    expect(modesBelow(old.data)).toEqual([]);
    for (const args of [
      ["serve"],
      ["up", "-stdin", "json"],
      ["publish", "-topic", "t", "-content", "x", "-group", group_id],
    ]) {
      const refused = await old.run(args);
      expect({ args, status: refused.status === 0 }).toEqual({ args, status: false });
    }
    const refused = await old.run(["serve"]);
    expect([refused.status, refused.stderr]).toEqual([5, expect.stringContaining("restore -original-stopped")]);
    expect((await old.run(["query", "-topic", "chat"])).stdout.trimEnd().split("\n")).toHaveLength(2);
    expect(await old.ask(["mailbox", "cursor", "-client", "bot"])).toMatchObject({
      cursor: { message_id: messages[0].message_id },
    });
    const again = await old.run(["restore", kept]);
    expect([again.status, again.stderr]).toEqual([5, expect.stringContaining("nothing is replaced")]);

    expect(await old.ask(["restore", "-original-stopped"])).toMatchObject({ event: "released", was_held: true });
    await old.serve();
    await agree([a, b, old], { messages: 3 });
    // Each of them hears of the other by members' next comparisons, which takes minutes.
    if (process.env.SOAK !== undefined) {
      await eventually(
        "both told of the other",
        async () => {
          const seen = await Promise.all([a, old].map((node) => node.ask(["info"])));
          return seen.every(({ twin }) => twin !== undefined) || undefined;
        },
        180_000,
      );
      for (const node of [a, old]) {
        const change = await node.run([
          "roster",
          "add",
          "-group",
          group_id,
          "-pubkey",
          identity(9).publicKey.toBase64(),
        ]);
        expect([change.status, change.stderr]).toEqual([5, expect.stringContaining("runs in another place too")]);
      }
    }
    await old.ask(["publish", "-topic", "chat", "-content", "from the old one"]);
    await agree([b, old], { messages: 4 });
    await old.end();

    // A daemon is asked like a node without one: export, import elsewhere, verify.
    const file = join(home.path, "council.entmoot");
    const exported = await b.ask(["export", "council", file]);
    expect(exported).toMatchObject({ event: "exported", messages: 4, roster_entries: 2 });
    expect(statSync(file).mode & 0o777).toBe(0o600);
    await using c = new DaemonNode(home.path, "c");
    expect(await c.ask(["import", file])).toMatchObject({
      ...{ created: true, member: false, stored: 4, merkle_root: exported.merkle_root, exporter_is_member: true },
    });
    // Beside the copy of itself it lacked what that one said, or heard of it meanwhile.
    expect(await a.ask(["import", file])).toMatchObject({ created: false, merkle_root: exported.merkle_root });
    expect(await a.ask(["verify"])).toMatchObject({ sound: true, messages: 4 });
    const edited = readFileSync(file, "utf8").replace('"chat"', '"chit"');
    writeFileSync(file, edited);
    const changed = await a.run(["import", file]);
    expect([changed.status, changed.stderr]).toEqual([5, expect.stringMatching(/import: .*line \d+/)]);
    const kept_ = await a.run(["export", "council", file]);
    expect([kept_.status, kept_.stderr]).toEqual([5, expect.stringContaining("-force")]);

    // What a page says of members is text.
    await a.ask(["publish", "-topic", "<b>", "-content", "<script>alert(1)</script>\n```\n# x\n\u202e"]);
    for (const format of ["html", "markdown", "jsonl"]) {
      await a.ask(["export", "council", file, "-format", format, "-force"]);
      const page = readFileSync(file, "utf8");
      expect({ format, page: page.includes("<script>") && format === "html" }).toEqual({ format, page: false });
      expect(page).not.toContain("\u202e");
    }

    // Nothing is left of what does not fit.
    await a.ask(["publish", "-topic", "chat", "-content", "x".repeat(40_000)]);
    const disk = join(home.path, "disk");
    mkdirSync(disk);
    const mounted = Bun.spawnSync(["mount", "-t", "tmpfs", "-o", "size=16k", "tmpfs", disk]).exitCode === 0;
    if (!mounted) return;
    try {
      for (const args of [
        ["backup", join(disk, "b")],
        ["export", "council", join(disk, "e"), "-format", "html"],
      ]) {
        const full = await a.run(args);
        expect({ args, status: full.status, stderr: full.stderr }).toEqual({
          ...{ args, status: 1, stderr: expect.stringContaining("no room left to write") },
        });
        expect(readdirSync(disk)).toEqual([]);
      }
      await using small = new DaemonNode(disk, "data");
      const full = await small.run(["restore", kept], { env: { HOME: home.path } });
      expect([full.status, full.stderr]).toEqual([1, expect.stringContaining("no room left to write")]);
      expect(readdirSync(disk)).toEqual([]);
    } finally {
      Bun.spawnSync(["umount", disk]);
    }
  });
});
