import { GroupId, MessageId } from "../src/core/ids.ts";
import { SeededRandom } from "../src/machine/random.ts";
import { publish } from "../src/node/operations/messages.ts";
import { agree, DaemonNode } from "../test/support/daemon.ts";

/** Callers that publish at the same time to each daemon. */
const CALLERS = 6;

/** A daemon is killed within so many milliseconds of being published to, or of being started. */
const WHILE_PUBLISHING_MAX_MS = 150;
const WHILE_STARTING_MAX_MS = 120;

export interface KillLoop {
  /** For data roots; the caller deletes it. */
  readonly home: string;
  /** Decides who is killed when; the same seed makes the same decisions. */
  readonly seed: number;
  readonly rounds: number;
  /** Ends early, after the round that is under way, once this gives true. */
  readonly isOver?: () => boolean;
  readonly say?: (line: string) => void;
}

export interface KillLoopResult {
  readonly rounds: number;
  readonly kills: number;
  readonly acknowledged: number;
}

/**
 * Two daemons of one group are published to and killed with SIGKILL at random moments, also while they start. After
 * each round both are started again: every acknowledged message must be on both, and their Merkle roots equal.
 * Throws with the round and what is missing.
 */
export async function killLoop({ home, seed, rounds, isOver, say }: KillLoop): Promise<KillLoopResult> {
  const random = new SeededRandom(seed);
  await using a = new DaemonNode(home, "a");
  await using b = new DaemonNode(home, "b");
  await Promise.all([a.serve(), b.serve()]);
  const { group_id } = await a.ask(["group", "create", "-name", "kill loop", "-policy", "none"]);
  const groupId = GroupId.fromBytes(Uint8Array.fromBase64(group_id));
  await b.ask(["join", (await a.ask(["invite", "link", "-group", group_id])).link]);

  const nodes = [a, b].map((node) => ({ node, groupId, acknowledged: new Set<string>() }));
  const count = () => nodes.reduce((sum, { acknowledged }) => sum + acknowledged.size, 0);
  let [done, kills] = [0, 0];
  for (; done < rounds && !isOver?.(); done++) {
    const victims = random.pick([[a], [b], [a, b]])!;
    const ending = new AbortController();
    const publishing = nodes.map((target) =>
      publishUntilGone(target, {
        text: `round ${done + 1}`,
        isVictim: victims.includes(target.node),
        signal: ending.signal,
      }),
    );
    await Promise.all(
      victims.map(async (node) => {
        await Bun.sleep(random.between(0, WHILE_PUBLISHING_MAX_MS));
        await node.kill();
        kills += 1;
      }),
    );
    ending.abort();
    await Promise.all(publishing);
    for (const node of victims) {
      while (random.chance(1 / 3)) {
        const starting = node.spawn(["serve"]);
        await Bun.sleep(random.between(0, WHILE_STARTING_MAX_MS));
        starting.kill("SIGKILL");
        await starting.ended();
        kills += 1;
      }
      await node.serve();
    }
    // First each by itself: what a daemon acknowledged, its own disk has, whatever its peer knows.
    for (const { node, acknowledged } of nodes) await mustHold(node, acknowledged, `after round ${done + 1}`);
    await agree([a, b]);
    const all = new Set(nodes.flatMap(({ acknowledged }) => [...acknowledged]));
    for (const { node } of nodes) await mustHold(node, all, `after both agreed in round ${done + 1}`);
    say?.(`round ${done + 1}: ${kills} kills, ${count()} messages acknowledged, all there, roots equal`);
  }
  return { rounds: done, kills, acknowledged: count() };
}

interface Target {
  readonly node: DaemonNode;
  readonly groupId: GroupId;
  /** Ids that this daemon acknowledged. */
  readonly acknowledged: Set<string>;
}

interface Publishing {
  readonly text: string;
  /** This daemon is about to be killed: errors are no surprise. */
  readonly isVictim: boolean;
  readonly signal: AbortSignal;
}

/** Several callers publish to one daemon until `signal` aborts or it is gone. */
async function publishUntilGone(target: Target, publishing: Publishing): Promise<void> {
  const { text, isVictim, signal } = publishing;
  try {
    await using client = await target.node.client();
    const caller = async (_: unknown, number: number) => {
      for (let n = 0; !signal.aborted; n++) {
        const content = new TextEncoder().encode(`${text}, caller ${number}, message ${n}`);
        const { message_id } = await client.call(publish, {
          group_id: target.groupId,
          topics: ["kill"],
          content,
        });
        target.acknowledged.add(MessageId.toBase64(message_id));
      }
    };
    await Promise.all(Array.from({ length: CALLERS }, caller));
  } catch (error) {
    if (!isVictim) throw error;
  }
}

async function mustHold(node: DaemonNode, ids: ReadonlySet<string>, when: string): Promise<void> {
  const { status, stdout, stderr } = await node.run(["query", "-limit", "0"]);
  if (status !== 0) throw new Error(`${node.data}: query ended with status ${status} ${when}\n${stderr}`);
  const held = new Set(stdout.split("\n").flatMap((line) => (line === "" ? [] : [JSON.parse(line).message_id])));
  const missing = [...ids].filter((id) => !held.has(id));
  if (missing.length === 0) return;
  throw new Error(
    `${node.data}: ${missing.length} of ${ids.size} acknowledged messages are missing ${when}: ${missing.slice(0, 5)}`,
  );
}
