import { expect, test } from "bun:test";
import { readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DaemonNode } from "../support/daemon.ts";
import { inNetns } from "../support/netns.ts";
import { TemporaryDirectory } from "../support/temporary-directory.ts";

const PREFIX = "entmoot://join/";

/** What people and programs make of a link on its way. */
function pastes(link: string): Readonly<Record<string, string>> {
  const payload = link.slice(PREFIX.length);
  const broken = (width: number, by: string) =>
    PREFIX + payload.replace(new RegExp(`.{${width}}(?=.)`, "g"), `$&${by}`);
  return {
    quoted: `"${link}"`,
    "quoted by a word processor": `\u201c${link}\u201d`,
    "quoted in French": `\u00ab\u00a0${link}\u00a0\u00bb`,
    "in angle brackets, with a full stop": `<${link}>.`,
    "as a note links it": `[join us](${link})`,
    "set in bold": `**${link}**`,
    "in a block of code": `\`\`\`\n${link}\n\`\`\``,
    "in a sentence": `Join us with ${link}, please!`,
    "behind a command": `$ entmootd join ${link}`,
    "in capitals": link.replace("entmoot://join", "ENTMOOT://JOIN"),
    "with marks that nobody sees": `\ufeff${broken(20, "\u200b\u00ad\u2060")}`,
    "broken over lines": broken(40, "\n"),
    "broken over short lines": broken(10, "\n"),
    "broken over lines of another system, indented": broken(60, "\r\n\t"),
    "broken by other ends of lines": broken(50, "\u2028"),
    "broken by the end of line of a mainframe": broken(50, "\u0085"),
    "broken by blanks": broken(12, " "),
    "quoted in an answer to an answer": `>> ${broken(66, "\n>> ")}`,
    "in quoted-printable": broken(75, "=\r\n"),
    "behind a shell's backslashes": broken(70, "\\\n"),
    "broken behind its scheme": `entmoot:\n//join/\n${payload}`,
    "with slashes as JSON escapes them": `"${link.replaceAll("/", "\\/")}"`,
    "as the address of a page carries it": encodeURIComponent(link),
  };
}

/** The longest run of the payload in `text`, whatever was put between its characters. */
function shownOf(payload: string, text: string): number {
  const bare = text.replace(/\\+(?:[nrt]|u[0-9a-f]{4})/g, "").replace(/[^\w-]/g, "");
  let longest = 0;
  for (let from = 0; from + longest < payload.length; from++) {
    while (bare.includes(payload.slice(from, from + longest + 1)) && from + longest < payload.length) longest += 1;
  }
  return longest;
}

inNetns(import.meta, () => {
  test("a link is understood however it was pasted, and where it is refused nothing shows it", async () => {
    using home = new TemporaryDirectory();
    await using a = new DaemonNode(home.path, "a");
    await using b = new DaemonNode(home.path, "b");
    await a.serve("-json-errors", "-log-level", "debug");
    const { group_id } = await a.ask(["group", "create", "-name", "council"]);
    const { link } = await a.ask(["invite", "link", "-group", group_id]);
    const payload = link.slice(PREFIX.length);
    for (const [turn, [how, pasted]] of Object.entries(pastes(link)).entries()) {
      // Only who has read it knows who issued it.
      const known = await a.run(["join", pasted]);
      const own = expect.stringContaining("this node issued the link itself");
      expect({ how, status: known.status, stderr: known.stderr }).toEqual({ how, status: 5, stderr: own });
      const places = [
        [pasted],
        ["publish", "-topic", "t", "-content", "x", pasted],
        ["publish", "-topic", "t", "-file", pasted],
        ["query", "-topic", `${pasted}/#/x`],
        ["query", "-group", pasted],
        ["group", "create", "-name", "x", "-policy", `file:${pasted}`],
        ["up", "-stdin", pasted],
        ["conformance", pasted],
        ["call", "join", pasted],
        ["-log-level", pasted, "info"],
      ];
      // Half of the places, as prose and as JSON in turns: all of it is cut at the same place.
      for (const [at, args] of places.entries()) {
        if ((at + turn) % 2 === 0) continue;
        const asJson = (at + turn) % 4 === 1;
        const { status, stdout, stderr } = await b.run(asJson ? ["-json-errors", ...args] : args);
        // A moot may be called anything: none is called that.
        const refused = args[1] === "-group" ? 3 : 5;
        expect({ how, args, status, stdout }).toEqual({ how, args, status: refused, stdout: "" });
        expect({ how, args, shown: shownOf(payload, stderr) > 20 ? stderr : "" }).toEqual({ how, args, shown: "" });
        if (asJson) expect(JSON.parse(stderr).error.code).toBeString();
      }
    }
    // What `invite link`, `group create` and `up` print is as good as the link in it.
    const file = join(home.path, "printed.json");
    for (const printed of [
      await a.ask(["invite", "link", "-group", group_id]),
      { event: "ready", link },
      { open_invite: { link } },
    ]) {
      const json = JSON.stringify(printed, undefined, 2);
      writeFileSync(file, json);
      for (const known of [
        await a.run(["join", json]),
        await a.run(["join", "-"], { stdin: `${json}\n` }),
        await a.run(["join", file]),
        await a.run(["call", "join", JSON.stringify({ input: json })]),
      ]) {
        const own = expect.stringContaining("this node issued the link itself");
        expect({ status: known.status, stderr: known.stderr }).toEqual({ status: 5, stderr: own });
      }
    }
    rmSync(file);
    const cut = await b.run(["join", JSON.stringify({ link: `${PREFIX}${payload.slice(0, -9)}` })]);
    expect({ status: cut.status, shown: shownOf(payload, cut.stderr) > 10 }).toEqual({ status: 5, shown: false });
    // What can be read and not be used is not shown either.
    const edited = `${payload.slice(0, 60)}${payload[60] === "A" ? "B" : "A"}${payload.slice(61)}`;
    for (const text of [PREFIX + edited, PREFIX + payload.slice(0, -9), payload, `join/${payload}`]) {
      for (const pasted of [text, `<${text.replace(/.{64}/g, "$&\n> ")}>`]) {
        const { status, stderr } = await b.run(["join", pasted]);
        expect({ pasted, status, shown: shownOf(edited, stderr) > 60 }).toEqual({ pasted, status: 5, shown: false });
      }
    }
    expect(readdirSync(home.path)).toEqual(["a"]);
    await a.end();
    expect(shownOf(payload, a.daemon.stderr)).toBeLessThan(20);
  });
});
