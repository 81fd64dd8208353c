import { agree, DaemonNode, eventually } from "../test/support/daemon.ts";
import type { DemoParts } from "./run-demo.ts";

/** Messages that each node publishes in a round. */
const EACH = 10;

interface Named {
  readonly name: string;
  readonly node: DaemonNode;
}

/** Three nodes talk, lose one to a crash and get it back. */
export async function demoNodes({ home, parts, say }: DemoParts): Promise<void> {
  const names = ["oak", "ash", "elm"];
  const all = names.map((name) => ({ name, node: parts.use(new DaemonNode(home, name)) }));
  const [oak, ash, elm] = all as [Named, Named, Named];

  await Promise.all(all.map(({ name, node }) => node.serve("-hostname", name)));
  say("oak, ash and elm run: three daemons, each with a data root and a key of its own");

  const { group_id } = await oak.node.ask(["group", "create", "-name", "demo moot", "-policy", "none"]);
  say(`oak made a moot: ${group_id}`);
  for (const { name, node } of [ash, elm]) {
    const { link } = await oak.node.ask(["invite", "link", "-group", group_id, "-uses", "1", "-valid-for", "10m"]);
    const { status, members } = await node.ask(["join", link]);
    say(`${name} ${status} by a link good for one: ${link.slice(0, 44)}… (${members} members)`);
  }

  let total = await talk(all, "before the crash");
  await agree(
    all.map(({ node }) => node),
    { messages: total },
  );
  say(`all three talked at once; each holds all ${total} messages, and the roots are equal`);

  const answered = publishAll(elm, "while elm is being killed");
  await eventually("a message of elm", async () => ((await oak.node.group()).messages > total ? true : undefined));
  await elm.node.kill();
  const saved = await answered;
  say(`elm was ended with kill -9 while it published; ${saved} of its messages had been acknowledged`);
  await talk([oak, ash], "while elm is gone");
  say(`oak and ash went on without it`);

  await elm.node.serve();
  say("elm is back on the same data root");
  const after = await talk([elm], "after the crash");
  const root = await agree(all.map(({ node }) => node));
  total = (await elm.node.group()).messages;
  const least = 3 * EACH + saved + 2 * EACH + after;
  if (total < least) throw new Error(`expected at least ${least} messages, found ${total}`);
  say(`elm caught up, and everyone heard it: ${total} messages, none that was acknowledged is missing`);
  for (const { name, node } of all) say(`  ${name}  merkle root ${(await node.group()).merkle_root}`);

  for (const { node } of all) await node.ask(["stop"]);
  say(`equal: ${root}`);
}

/** Every node publishes its messages, all at the same time. Gives how many that are. */
async function talk(speakers: readonly Named[], when: string): Promise<number> {
  const counts = await Promise.all(speakers.map((speaker) => publishAll(speaker, when)));
  return counts.reduce((sum, count) => sum + count, 0);
}

/** Gives how many were acknowledged before all were published or the daemon was gone. */
async function publishAll({ name, node }: Named, when: string): Promise<number> {
  for (let n = 0; n < EACH; n++) {
    const { status } = await node.run(["publish", "-topic", "demo", "-content", `${name} ${when}, ${n + 1}`]);
    if (status !== 0) return n;
  }
  return EACH;
}
