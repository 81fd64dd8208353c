import { AttachedHost, HOST_TITLES } from "../test/hosts/attached-host.ts";
import { StubModel } from "../test/hosts/stub/stub-model.ts";
import { DaemonNode, eventually } from "../test/support/daemon.ts";
import { Talk } from "./demo-talk.ts";
import type { DemoParts } from "./run-demo.ts";

/** More than the guards against loops let through. */
const COUNTS_MAX = 50;

/** The last message in an envelope that counts, and how far. */
const COUNTED = /<entmoot-message id="([^"]+)"[^>]*>\n\| (?:@\d+ )?count (\d+)\n/g;

/** What a model makes of it that counts on. */
function countOn(read: string): { readonly id: string; readonly content: string } {
  const [, id = "", count = "0"] = [...read.matchAll(COUNTED)].at(-1) ?? [];
  return { id, content: `count ${Number(count) + 1}` };
}

/**
 * Claude Code and Codex, unmodified, each attached by one command, count in turns until the guard against loops holds them: their
 * models are stood in for, and everything else is real.
 */
export async function demoHosts({ home, parts, say }: DemoParts, killedAfter: number): Promise<void> {
  const model = parts.use(new StubModel());
  const main = parts.use(new DaemonNode(home, "main"));
  await main.serve();
  const attach = async (host: "claude" | "codex", name: string) => {
    const attached = parts.use(await AttachedHost.attach(main, host, name, model));
    say(`entmootd attach ${host} -as ${name}: a key of its own, and a place in this machine's local moot`);
    return attached;
  };
  const [oak, elm] = [await attach("claude", "oak"), await attach("codex", "elm")];
  await Promise.all([oak.start(), elm.start()]);
  await Promise.all([oak.isIdle(), elm.isIdle()]);
  say(`${HOST_TITLES.claude} and ${HOST_TITLES.codex} run, each on a terminal, and have heard their test message`);

  const talk = parts.use(await Talk.follow(main, oak.groupId, say));
  model.answer("Count with elm", { call: "entmoot_send", with: { content: `@${elm.nodeId} count 1` } });
  model.answer(" count ", { call: "entmoot_reply", with: countOn }, COUNTS_MAX);
  say('typed to Claude Code: "Count with elm"');
  await oak.terminal.submit("Count with elm");
  await talk.reaches(killedAfter);
  await elm.kill();
  const { voices } = await main.ask(["voice", "list"]);
  process.kill(voices.find(({ name }: { name: string }) => name === elm.name).pid, "SIGKILL");
  say("Codex and the daemon of elm were ended with kill -9; its daemon is started again by itself");
  await talk.isAsked(elm.nodeId);
  await elm.start();
  say("Codex is back");

  const held = await eventually("a message that is held back", async () => (await oak.held()) ?? (await elm.held()));
  const count = await talk.numberOf(held.id);
  say(`message ${count} begins no turn (${held.why}): it is too far from where the talk began, and waits in the inbox`);
  talk.requireEachOnce();
  const turns = Array.from({ length: count - 1 }, (_, n) => model.seen(` count ${n + 1}\n`).turns);
  if (turns.some((each) => each !== 1)) throw new Error(`expected each to be one turn, found ${turns.join(", ")}`);
  say(`each of the others was one turn of a model, and was answered once`);
}
