import { expect, test } from "bun:test";
import { spawnSync } from "node:child_process";
import { readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { formatPolicy, POLICY_PRESETS } from "../../src/core/policy/policy.ts";
import { BINARY } from "../support/binary.ts";
import { DaemonNode } from "../support/daemon.ts";
import { inNetns } from "../support/netns.ts";
import { TemporaryDirectory } from "../support/temporary-directory.ts";

/** A shell's command line on this node: only a shell can hand over bytes, a full disk or a pipe without a writer. */
function shell(home: string, data: string, script: string) {
  const env = { PATH: process.env.PATH ?? "", HOME: home, ENTMOOT_DATA: data, E: BINARY };
  const { status, stdout, stderr } = spawnSync("sh", ["-c", script], { env, cwd: home, encoding: "utf8" });
  return { status, stdout, stderr };
}

const errorOf = (stderr: string) => JSON.parse(stderr).error;

inNetns(import.meta, () => {
  test("what is said is done whole or refused: words, topics, bytes, tokens, files, and a full stdout", async () => {
    using home = new TemporaryDirectory();
    await using a = new DaemonNode(home.path, "a");
    await a.serve();
    await a.ask(["group", "create", "-name", "council", "-policy", "none"]);
    const publish = (...args: string[]) => a.run(["-json-errors", "publish", "-topic", "chat", ...args]);
    const contents = async () =>
      (await a.run(["query", "-order", "asc"])).stdout
        .split("\n")
        .filter((line) => line !== "")
        .map((line) => JSON.parse(line).content);

    // Extra words, two values, nothing at all: nothing is published, and stderr is one JSON object.
    for (const [args, message] of [
      [["-content", "hello", "world"], "put the whole value in quotes"],
      [["-content", "a", "-content", "b"], "expected one value"],
      [["-content", ""], "-content is empty"],
      [["-topic=a/#", "-content", "x"], "expected one value"],
    ] as const) {
      const { status, stdout, stderr } = await publish(...args);
      expect({ status, stdout, message: errorOf(stderr).message }).toEqual({
        status: 5,
        stdout: "",
        message: expect.stringContaining(message),
      });
    }
    for (const topic of ["#", "+", "a/+/b", "a/#"]) {
      const { status, stderr } = await a.run(["publish", "-topic", topic, "-content", "x"]);
      expect({ status, stderr }).toMatchObject({ status: 5, stderr: expect.stringContaining("is for patterns") });
      const asked = await a.run(["call", "publish", JSON.stringify({ topics: [topic], content: "eA==" })]);
      expect(asked).toMatchObject({ status: 5, stdout: "" });
    }
    expect(await contents()).toEqual([]);

    // What no pattern matches is published with a warning, as JSON where JSON is asked for.
    for (const topic of ["c++", "a//b", "/chat"]) {
      const { status, stderr } = await a.run(["-json-errors", "publish", "-topic", topic, "-content", topic]);
      expect(status).toBe(0);
      expect(JSON.parse(stderr).note).toContain(`warning: topic ${JSON.stringify(topic)}: no pattern matches`);
    }
    expect(await contents()).toEqual(["c++", "a//b", "/chat"]);

    // A token stands for one message.
    const once = ["-content", "once", "-token", "0123456789abcdef"];
    const first = JSON.parse((await publish(...once)).stdout);
    expect(JSON.parse((await publish(...once)).stdout)).toEqual({ ...first, duplicate: true });
    const other = await publish("-content", "other", "-token", "0123456789abcdef");
    expect({ status: other.status, code: errorOf(other.stderr).code }).toEqual({ status: 5, code: "conflict" });

    // Bytes that are no text are refused where they cannot be kept, and kept where they can.
    const raw = (script: string) => shell(home.path, a.data, script);
    expect(raw(`"$E" publish -topic t -content "$(printf 'caf\\351')"`)).toEqual({
      status: 5,
      stdout: "",
      stderr: expect.stringContaining('-content: expected text in UTF-8, found "caf\\xe9"'),
    });
    expect(raw(`"$E" publish -topic t -file "$(printf 'caf\\351')"`)).toMatchObject({
      status: 5,
      stderr: expect.stringContaining("-file: expected text in UTF-8"),
    });
    expect(raw(`"$E" -data "$(printf '%s/caf\\351' "$HOME")" info`).stderr).toContain("-data: expected text in UTF-8");
    expect(raw(`ENTMOOT_DATA="$(printf '%s/caf\\351' "$HOME")" "$E" info`).stderr).toContain("ENTMOOT_DATA: expected");
    expect(readdirSync(home.path)).toEqual(["a"]);
    expect(raw(`"$E" publish -topic t -content "$(printf 'a\\357\\277\\275b')"`).status).toBe(0);
    expect(raw(`printf 'caf\\351' | "$E" publish -topic t -file -`).status).toBe(0);
    const last = JSON.parse((await a.run(["query", "-limit", "1"])).stdout);
    expect(Buffer.from(last.content_b64, "base64")).toEqual(Buffer.from("caf\xe9", "latin1"));

    // Whatever is named to be read is read with the limit, and under the time-out.
    raw("mkfifo fifo");
    for (const [script, status, message] of [
      ["publish -topic t -file /dev/zero", 5, "expected at most"],
      ["publish -topic t -timeout 1s -file fifo", 1, "expected its end within 1 s"],
      ["join -timeout 1s /dev/zero", 5, "expected at most"],
      ["join -timeout 1s fifo", 1, "expected its end within 1 s"],
      ["group create -name x -policy file:/dev/zero", 5, "expected at most"],
    ] as const) {
      expect(raw(`"$E" ${script}`)).toEqual({ status, stdout: "", stderr: expect.stringContaining(message) });
    }
    const open = await a.run(["publish", "-topic", "t", "-timeout", "1s", "-file", "-"], { stdin: "open" });
    expect(open).toMatchObject({
      status: 1,
      stderr: expect.stringContaining("stdin: expected its end within 1 s"),
    });
    expect(raw(`echo piped > fifo & "$E" publish -topic t -file fifo`)).toMatchObject({ status: 0 });
    expect(raw(`"$E" -data "$HOME/b" -identity /dev/zero serve`)).toMatchObject({
      status: 1,
      stderr: expect.stringContaining("expected a regular file"),
    });

    // Who cannot be answered is told what stands all the same.
    for (const [script, message] of [
      ["publish -topic t -content full", "the message may be out all the same"],
      ["group create -name full", "the moot is made all the same"],
    ] as const) {
      const { status, stderr } = raw(`"$E" -json-errors ${script} >/dev/full`);
      expect(status).toBe(1);
      expect(errorOf(stderr)).toEqual({ code: "output_failed", message: expect.stringContaining(message) });
    }
    for (const command of ["info", "version"]) {
      const { status, stderr } = raw(`"$E" ${command} >/dev/full`);
      expect([command, status, stderr]).toEqual([command, 1, expect.stringContaining("stdout cannot be written")]);
    }
    // What a request says on stdin is signed as it stands, or not at all.
    const changed = raw(`printf '{"topics":["caf\\351"],"content":"eA=="}' | "$E" call publish -`);
    expect([changed.status, changed.stderr]).toEqual([5, expect.stringContaining("stdin: expected UTF-8")]);
    // A note is no place for a link either.
    const secret = `AQkJ${"x9Yz".repeat(40)}`;
    const noted = raw(`"$E" -data 'entmoot://join/${secret}' info; "$E" info '${secret}'`);
    expect(noted.stderr).toContain("no identity yet");
    expect(noted.stderr).not.toContain(secret.slice(0, 60));
    const full = raw(`"$E" query -group '${first.group_id}' -limit 1`);
    expect(JSON.parse(full.stdout)).toMatchObject({ content: "full" });
    await a.end();
  });

  test("call takes one JSON object and all of it, or says what it found instead", async () => {
    using home = new TemporaryDirectory();
    await using a = new DaemonNode(home.path, "a");
    await a.ask(["group", "create", "-name", "council", "-policy", "none"]);
    for (const [operation, request, said] of [
      ["status", "nojson", 'expected a JSON object such as {}, found "nojson"'],
      ["status", "", "found nothing"],
      ["status", "null", 'found "null"'],
      ["status", "[]", 'found "[]"'],
      ["status", "{}{}", 'found "{}{}"'],
      ["status", '{"a":1}', "expected a known key"],
      ["publish", '{"topics":["a"],"content":"eA==","content":"eQ=="}', 'found "content" twice'],
      ["publish", '{"topics":["a"],"content":"eA==","Content":"eQ=="}', 'found "Content" twice'],
      ["publish", '{"topics":["\\ud800"],"content":"eA=="}', "half of a surrogate pair"],
      ["STATUS", "{}", "did you mean status?"],
      ["nosuch", "{}", "no operation"],
    ] as const) {
      const { status, stdout, stderr } = await a.run(["call", operation, request]);
      expect({ request, status, stdout, stderr }).toEqual({
        request,
        status: 5,
        stdout: "",
        stderr: expect.stringContaining(said),
      });
    }
    const piped = (script: string) => shell(home.path, a.data, script);
    for (const [input, said] of [
      ["printf '\\357\\273\\277{}'", "byte order mark"],
      ["printf '\\377'", "expected UTF-8"],
      ["cat /dev/zero", "expected at most 64 KiB (65,536 bytes), got more on stdin"],
      [":", "found nothing"],
    ] as const) {
      const ended = piped(`${input} | "$E" call status -`);
      expect({ input, ...ended }).toEqual({ input, status: 5, stdout: "", stderr: expect.stringContaining(said) });
    }
    expect((await a.run(["query"])).stdout).toBe("");
    expect((await a.run(["call", "version"])).status).toBe(6);
    await a.serve();
    // One rule and one code for each fault, whoever asks.
    const many = Array.from({ length: 65 }, (_, at) => `t${at}`);
    const long = join(home.path, "long");
    writeFileSync(long, "x".repeat(800_000));
    const content = Buffer.alloc(800_000, "x").toString("base64");
    const limit = "message: expected at most 976.6 KiB (1,000,000 bytes) with all it carries";
    const request = (of: object) => `printf '%s' '${JSON.stringify({ topics: ["t"], content: "eA==", ...of })}'`;
    writeFileSync(join(home.path, "long.json"), JSON.stringify({ topics: ["t"], content }));
    for (const [script, said] of [
      [`"$E" -json-errors publish -topic ${many.join(",")} -content x`, "at most 64 of topic"],
      [`${request({ topics: many })} | "$E" -json-errors call publish -`, "at most 64 of topic"],
      [`"$E" -json-errors publish -topic t -file long`, limit],
      [`"$E" -json-errors publish -topic t -file - <long`, limit],
      [`"$E" -json-errors call publish - <long.json`, limit],
      [`"$E" -json-errors publish -topic t -content ''`, "content is empty"],
      [`${request({ content: "" })} | "$E" -json-errors call publish -`, "content is empty"],
      [`${request({ topics: [" "] })} | "$E" -json-errors call publish -`, "empty topic"],
    ] as const) {
      const { status, stdout, stderr } = piped(script);
      const { code, message } = errorOf(stderr);
      expect(message).not.toContain("publish: publish:");
      expect({ script, status, stdout, code, message }).toEqual({
        script,
        status: 5,
        stdout: "",
        code: "invalid_argument",
        message: expect.stringContaining(said),
      });
    }
    expect((await a.run(["query"])).stdout).toBe("");
    await a.ask(["call", "publish", JSON.stringify({ topics: ["\u0085t ", "t"], content: "eA==" })]);
    expect(JSON.parse((await a.run(["query"])).stdout).topic).toEqual(["t"]);
    // A moot by its name, and ids as other programs write them.
    const { group_id } = await a.group();
    const bytes = Buffer.from(group_id, "base64");
    const { message_id } = JSON.parse((await a.run(["query"])).stdout);
    for (const id of ["council", group_id.replace("=", ""), bytes.toString("base64url"), bytes.toString("hex")]) {
      expect((await a.ask(["call", "members", JSON.stringify({ group_id: id })])).members).toHaveLength(1);
      const asked = { group_id: id, message_id: Buffer.from(message_id, "base64").toString("hex") };
      expect(await a.ask(["call", "message", JSON.stringify(asked)])).toMatchObject({ message: { id: message_id } });
    }
    for (const [asked, refused, said] of [
      [{ group_id: "senate" }, 3, 'here are "council" ('],
      [{ group_id, message_id: "council" }, 5, "expected message id of 32 bytes in base64 or hex, found other text"],
    ] as const) {
      const { status, stdout, stderr } = await a.run(["call", "message", JSON.stringify(asked)]);
      expect([status, stdout, stderr]).toEqual([refused, "", expect.stringContaining(said)]);
    }
    await a.end();
    expect(piped('"$E" call status >/dev/full')).toMatchObject({ status: 1 });
  });

  test("a rate limit is status 7 with the time to wait, and -wait waits for the turn", async () => {
    using home = new TemporaryDirectory();
    await using a = new DaemonNode(home.path, "a");
    await a.serve();
    const policy = join(home.path, "policy.json");
    const limits = { ...POLICY_PRESETS.standard, message_rate_per_author: "30/min", message_burst_per_author: 1n };
    writeFileSync(policy, formatPolicy(limits));
    await a.ask(["group", "create", "-name", "council", "-policy", `file:${policy}`]);
    const publish = (...args: string[]) => a.run(["-json-errors", "publish", "-topic", "chat", ...args]);
    expect((await publish("-content", "one")).status).toBe(0);
    const refused = await publish("-content", "two");
    expect({ status: refused.status, error: errorOf(refused.stderr) }).toEqual({
      status: 7,
      error: { code: "rate_limited", message: expect.any(String), retry_after_ms: expect.any(Number) },
    });
    expect(errorOf(refused.stderr).retry_after_ms).toBeWithin(1, 2001);
    expect((await publish("-content", "two", "-wait", "1ms", "-timeout", "30s")).status).toBe(7);
    const waited = await publish("-content", "three", "-wait", "60s");
    expect(waited.status).toBe(0);
    for (const line of waited.stderr.split("\n"))
      if (line !== "") expect(JSON.parse(line).note).toContain("rate limit");
    const { stdout } = await a.run(["query", "-order", "asc"]);
    expect(stdout.match(/"content":"[a-z]*"/g)).toEqual(['"content":"one"', '"content":"three"']);
    await a.end();
  });

  test("who joins by an invite knows what the moot is called, and a link is understood as it is pasted", async () => {
    using home = new TemporaryDirectory();
    await using a = new DaemonNode(home.path, "a");
    await using b = new DaemonNode(home.path, "b");
    await using c = new DaemonNode(home.path, "c");
    await Promise.all([a.serve("-json-errors", "-log-level", "debug"), b.serve()]);
    const { group_id } = await a.ask(["group", "create", "-name", "council"]);
    const { entmoot_pubkey } = await b.ask(["info"]);
    await a.ask(["roster", "add", "-group", group_id, "-pubkey", entmoot_pubkey]);
    const { stdout: invite } = await a.run(["invite", "create", "-group", group_id]);
    await b.ask(["join", "-"], { stdin: invite });
    expect(await b.group()).toMatchObject({ name: "council" });

    const { link } = await a.ask(["invite", "link", "-group", group_id]);
    const wrapped = link.replace(/.{50}/g, "$&\n> ");
    const edited = `\u201c${wrapped.replace("join/A", "join/B")}\u201d`;
    for (const args of [["join", edited], [link], ["publish", "-topic", "a", "-content", "b", link]]) {
      for (const flags of [[], ["-json-errors"]]) {
        const { status, stderr } = await c.run([...flags, ...args]);
        expect(status).toBe(5);
        for (const piece of link.slice(15).match(/.{30}/g)!) expect(stderr).not.toContain(piece);
      }
    }
    const { status, stdout, stderr } = await c.run(["-json-errors", "join", `Join us: <${wrapped}>.`]);
    expect({ status, joined: JSON.parse(stdout) }).toMatchObject({ status: 0, joined: { status: "joined", group_id } });
    expect(await c.group()).toMatchObject({ name: "council" });

    // What a program reads of stderr is JSON from end to end: progress and the log too.
    await a.end();
    for (const text of [stderr, a.daemon.stderr]) {
      const lines = text.split("\n").filter((line) => line !== "");
      expect(lines.length).toBeGreaterThan(0);
      for (const line of lines) expect(JSON.parse(line)).toBeObject();
    }
  });

  test("a name that peers would drop is refused before anything is made, and one beside a running daemon too", async () => {
    using home = new TemporaryDirectory();
    await using a = new DaemonNode(home.path, "a");
    for (const command of ["serve", "up"]) {
      const { status, stderr } = await a.run([command, "-hostname", "a\u007fb"]);
      expect({ status, stderr }).toEqual({ status: 5, stderr: expect.stringContaining("found U+007F") });
    }
    for (const [name, found] of [
      ["a\nb", "found U+000A"],
      ["\u0085a\u009fb", "found U+009F"],
      ["x".repeat(65), "expected at most 64 bytes, found 65"],
      ["\u6811".repeat(22), "expected at most 64 bytes, found 66"],
    ] as const) {
      const { status, stderr } = await a.run(["join", "-serve", "-hostname", name, "entmoot://join/x"]);
      expect({ name, status, stderr }).toEqual({ name, status: 5, stderr: expect.stringContaining(found) });
    }
    expect(readdirSync(home.path)).toEqual([]);
    await a.serve("-hostname", "oak");
    const { link } = await (async () => {
      const { group_id } = await a.ask(["group", "create", "-name", "council"]);
      return a.ask(["invite", "link", "-group", group_id]);
    })();
    await using b = new DaemonNode(home.path, "b");
    await b.serve();
    const beside = await b.run(["join", "-hostname", "elm", link]);
    expect({ status: beside.status, stderr: beside.stderr }).toEqual({
      status: 5,
      stderr: expect.stringContaining("the running daemon keeps the name it has"),
    });
  });

  test("white space around topics is the network's, and what stands for nothing else is refused", async () => {
    using home = new TemporaryDirectory();
    await using a = new DaemonNode(home.path, "a");
    await a.serve();
    await a.ask(["group", "create", "-name", "\u0085 council\u3000", "-policy", "none"]);
    expect(await a.group()).toMatchObject({ name: "council" });
    for (const [text, topic] of [
      ["\u0085chat\u3000,\u2003news/day\u0085", ["chat", "news/day"]],
      // No white space: it begins a topic of another name.
      ["\ufeffchat", ["\ufeffchat"]],
      ["chat\u200b", ["chat\u200b"]],
      ["chat,\u0085chat", ["chat"]],
    ] as const) {
      expect(await a.ask(["publish", "-topic", text, "-content", "x"])).toMatchObject({ topic });
    }
    for (const blank of ["\u0085", " , \u00a0,", "\u2028"]) {
      const { status, stderr } = await a.run(["publish", "-topic", blank, "-content", "x"]);
      expect([status, stderr]).toEqual([5, expect.stringContaining("-topic had no valid entries")]);
      const named = await a.run(["group", "create", "-name", blank.replaceAll(",", "")]);
      expect([named.status, named.stderr]).toEqual([5, expect.stringContaining("-name is required")]);
    }
    const { stdout } = await a.run(["query", "-topic", "chat"]);
    expect(stdout.trimEnd().split("\n")).toHaveLength(2);
    await a.end();
  });
});
