import { expect, test } from "bun:test";
import { publish } from "../../src/node/operations/messages.ts";
import { DaemonNode } from "../support/daemon.ts";
import { inNetns } from "../support/netns.ts";
import { TemporaryDirectory } from "../support/temporary-directory.ts";

/** What steers a terminal, reorders a line or hides, between letters. */
const WORDS = "a\u001b[2J\u009b31mb\u009d0;x\u0007c\u007fd\u202ee\u2066f\u061cg\u200bh\ufeffi\u{e0041}j\u2028k\u00adl";
const STEERS = /[\p{Cc}\p{Cs}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]/u;

inNetns(import.meta, () => {
  test("words of others come out of no door with anything that could act on a terminal, and with their value", async () => {
    using home = new TemporaryDirectory();
    await using a = new DaemonNode(home.path, "a");
    await a.serve();
    const { group_id } = await a.ask(["group", "create", "-name", "council", "-policy", "none"]);
    await using client = await a.client();
    await client.call(publish, { topics: ["chat"], content: new TextEncoder().encode(WORDS) });

    const harmless = (text: string) => expect(text.replaceAll("\n", "")).not.toMatch(STEERS);
    for (const args of [
      ["query"],
      ["tail", "-n", "-1", "-count", "1"],
      ["call", "backlog", JSON.stringify({ group_id, topic: "#", last: "all" })],
    ]) {
      const { status, stdout } = await a.run(args);
      expect([args[0], status]).toEqual([args[0], 0]);
      harmless(stdout);
      if (args[0] !== "call") expect(JSON.parse(stdout.split("\n")[0]!).content).toBe(WORDS);
    }
    // In the words of a failure, as prose and as JSON.
    const lost = await a.run(["peers", "-group", WORDS]);
    const told = await a.run(["-json-errors", "peers", "-group", WORDS]);
    for (const { status, stderr } of [lost, told]) {
      expect(status).not.toBe(0);
      expect(stderr).toContain("peers");
      harmless(stderr);
    }

    // On a terminal, as JSON and as `up` draws it.
    await using shown = a.onTerminal(["query"]);
    await shown.saw("\\u009b31mb\\u009d0;x\\u0007");
    expect(await shown.ended()).toBe(0);
    expect(shown.sent).not.toMatch(/[\u007f-\u009f\u202e\u2066\u061c\u200b\ufeff\u2028\u00ad]|\u{e0041}/u);
    await a.end();
    await using talk = a.onTerminal(["up"]);
    await talk.line((line) => line.endsWith("a[2J31mb0;xcdefghij kl"));
    expect(talk.sent).not.toMatch(/[\u007f-\u009f\u202e\u2066\u061c\u200b\ufeff\u2028\u00ad]|\u{e0041}/u);
  });
});
