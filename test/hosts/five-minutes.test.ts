import { expect } from "bun:test";
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { hostProgram, missingHost } from "../../scripts/hosts/install.ts";
import { BINARY } from "../support/binary.ts";
import { eventually } from "../support/eventually.ts";
import { testWhere } from "../support/needs.ts";
import { inNetns } from "../support/netns.ts";
import { FeedServer, feedFiles, RELEASE_KEY } from "../support/release-feed.ts";
import { claudeEnv, setUpClaude } from "./claude.ts";
import { setUpCodex } from "./codex.ts";
import { HostHome } from "./host-home.ts";
import { HostTerminal } from "./host-terminal.ts";
import { StubModel } from "./stub/stub-model.ts";

const ROOT = join(import.meta.dir, "../..");
const PAGE = readFileSync(join(ROOT, "docs/agents.md"), "utf8");
const [, SECTION] = /<!-- five minutes -->\n([\s\S]*?)<!-- end of five minutes -->/.exec(PAGE)!;
/** What the page tells its reader to type, in order. */
const BLOCKS = [...SECTION!.matchAll(/```(sh|text)\n([\s\S]*?)```/g)].map(([, kind, text]) => ({ kind, text: text! }));

/** Where the page says that releases come from. */
const RELEASES = "https://github.com/jerryfane/entmoot/releases/latest/download/";

/** A release made of the program under test, with the installer beside it. */
function releaseFeed(): FeedServer {
  const binary = readFileSync(BINARY);
  const { version } = JSON.parse(Bun.spawnSync([BINARY, "version"]).stdout.toString());
  const files = feedFiles({ version, binary });
  return new FeedServer(new Map([...files, ["install.sh", readFileSync(join(ROOT, "install.sh"))]]));
}

/** A person's home on a machine where both hosts are set up for the stub, and releases come from `feed`. */
function cleanHome(model: StubModel, feed: FeedServer): HostHome {
  const home = new HostHome("claude", () => ({
    ...claudeEnv(model),
    ENTMOOT_UPDATE_URL: feed.url,
    ENTMOOT_RELEASE_PUBKEYS: RELEASE_KEY,
    ENTMOOT_IROH_BIND: "127.0.0.1,::1",
    ENTMOOT_RELAY: "off",
    ENTMOOT_LAN: "off",
  }));
  setUpClaude(home.path, join(home.path, "oak"));
  mkdirSync(join(home.path, ".codex"));
  // It has not seen the folder yet.
  setUpCodex(join(home.path, ".codex"), join(home.path, "another"), model);
  // A login shell begins with a PATH of its own.
  const folders = [join(home.path, "tools"), dirname(hostProgram("claude")!), dirname(hostProgram("codex")!)];
  writeFileSync(join(home.path, ".profile"), `PATH=${folders.join(":")}:$PATH\n`);
  // The one address that is not on this machine leads to the feed.
  mkdirSync(join(home.path, "tools"));
  const curl = join(home.path, "tools/curl");
  const script = `#!/bin/sh\nfor word; do shift; case $word in ${RELEASES}*) word=${feed.url}\${word#${RELEASES}} ;; esac; set -- "$@" "$word"; done\nexec ${Bun.which("curl")} "$@"\n`;
  writeFileSync(curl, script);
  chmodSync(curl, 0o755);
  return home;
}

/** A terminal that a person opens, with what they type into it at once. */
function typed(
  home: HostHome,
  text: string,
): { readonly command: string[]; readonly options: { cwd: string; env: HostHome["env"] } } {
  return { command: ["sh", "-l", "-c", text], options: { cwd: home.path, env: home.env } };
}

/** Types it, and gives what was printed once it has ended. */
async function run(home: HostHome, text: string): Promise<string> {
  const { command, options } = typed(home, text);
  // What it leaves running in the background holds no pipe of ours.
  const out = join(home.path, "printed");
  for (const path of [out, `${out}.err`]) writeFileSync(path, "");
  const printing = { stdout: Bun.file(out), stderr: Bun.file(`${out}.err`) };
  const status = await Bun.spawn(command, { ...options, ...printing, stdin: "ignore" }).exited;
  const printed = readFileSync(out, "utf8");
  if (status !== 0) throw new Error(`status ${status}\n${text}\n${printed}${readFileSync(`${out}.err`, "utf8")}`);
  return printed;
}

inNetns(import.meta, () => {
  const missing = missingHost("claude") ?? missingHost("codex") ?? missingHost("screen");

  testWhere(
    missing,
    "the five minutes of docs/agents.md, word for word: Claude Code asks Codex, and has its answer",
    async () => {
      expect(BLOCKS.map(({ kind }) => kind)).toEqual(["sh", "sh", "sh", "sh", "sh", "text", "sh"]);
      const [install, attach, allow, startClaude, startCodex, words, look] = BLOCKS.map(({ text }) => text);
      using model = new StubModel();
      await using feed = releaseFeed();
      await using home = cleanHome(model, feed);

      await run(home, install!);
      await eventually("the daemon", () => run(home, "entmootd info"));
      expect(await run(home, attach!)).toContain('"voice":"elm"');
      await run(home, allow!);
      model.answer("over entmoot whether the build is green", {
        call: "entmoot_ask",
        with: { member: "elm", question: "is the build green?" },
      });
      const idOf = (read: string) =>
        /<entmoot-message id="([^"]+)"[^>]*>\n(?:\| .*\n)*?\| .*is the build green\?/.exec(read)?.[1];
      model.answer("is the build green?", {
        call: "entmoot_reply",
        with: (read) => ({ id: idOf(read), content: "as a leaf" }),
      });
      const [one, other] = [startClaude!, startCodex!].map((text) => typed(home, text));
      await using claude = await HostTerminal.start(one!.command, one!.options);
      await using codex = await HostTerminal.start(other!.command, other!.options);
      await eventually("both have heard the test", async () => {
        const { attached } = JSON.parse(await run(home, "entmootd attach -status"));
        const states = attached.map(({ test }: { test: string }) => test);
        if (states.every((test: string) => ["read", "acked"].includes(test))) return true;
        throw new Error(`${states}\n${claude.text}\n${codex.text}`);
      });

      await claude.submit(words!.trim());
      expect(await model.saw("as a leaf")).toMatchObject({ turns: 1 });
      expect(model.seen("is the build green?")).toMatchObject({ turns: 1, times: 1 });
      const said = await run(home, look!);
      expect(said).toContain("is the build green?");
      expect(said).toContain('"content":"as a leaf"');
    },
  );
});
