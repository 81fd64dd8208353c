import { GroupId } from "../src/core/ids.ts";
import { sign } from "../src/core/signature.ts";
import { publish as publishing } from "../src/node/operations/messages.ts";
import { MESSAGE_BYTES } from "./corpus.ts";
import { BenchDaemon } from "./daemon.ts";
import { type Figure, median } from "./figure.ts";
import { fsyncsPerSecond } from "./fsync-rate.ts";
import { programs } from "./programs.ts";

const CALLERS = 64;
const ROUNDS = 5;
const ROUND_MS = 1_500;

/** Ours. Of what one core can sign, the part that 64 callers must reach: each of their messages is signed and stored. */
const SHARE_OF_SIGNING = 0.1;

/** Ours. Of the syncs that this disk makes, the part that one caller must reach, who waits for one each time. */
const SHARE_OF_SYNCS = 0.5;

/** Messages acknowledged over the control socket of a compiled daemon: 64 callers at a time, and one alone. */
export async function publish(say: (progress: string) => void): Promise<readonly Figure[]> {
  const compiled = await programs(say);
  await using daemon = await BenchDaemon.start(compiled);
  const groupId = GroupId.fromBytes(Uint8Array.fromBase64(daemon.createGroup()));
  await rate(daemon, groupId, CALLERS, ROUND_MS); // Both sides compile what they run often.

  const rounds: { readonly syncs: number; readonly signatures: number; readonly many: number; readonly one: number }[] =
    [];
  for (let round = 1; round <= ROUNDS; round++) {
    say(`publishing, round ${round} of ${ROUNDS}`);
    const before = fsyncsPerSecond(ROUND_MS / 4);
    const one = await rate(daemon, groupId, 1, ROUND_MS);
    const syncs = (before + fsyncsPerSecond(ROUND_MS / 4)) / 2;
    const many = await rate(daemon, groupId, CALLERS, ROUND_MS);
    rounds.push({ syncs, signatures: signaturesPerSecond(ROUND_MS / 4), many, one });
  }
  const syncs = median(rounds.map((round) => round.syncs));
  const signatures = median(rounds.map((round) => round.signatures));
  const share = median(rounds.map((round) => round.one / round.syncs));
  return [
    {
      name: "publish acknowledged, 64 callers",
      unit: "/s",
      measured: median(rounds.map(({ many }) => many)),
      limit: SHARE_OF_SIGNING * signatures,
      better: "higher",
      basis: `${SHARE_OF_SIGNING} × signatures made by one core, ${Math.round(signatures)}/s`,
    },
    {
      name: "publish acknowledged, one caller",
      unit: "/s",
      measured: median(rounds.map(({ one }) => one)),
      limit: undefined,
      better: "higher",
      basis: `fsyncs of this disk: ${Math.round(syncs)}/s`,
    },
    {
      name: "publish acknowledged, one caller: share of fsyncs",
      unit: "×",
      measured: share,
      limit: SHARE_OF_SYNCS,
      better: "higher",
      basis: `median of ${ROUNDS} rounds`,
    },
  ];
}

/** Signatures of a message's size that this thread makes a second. */
function signaturesPerSecond(ms: number): number {
  const seed = new Uint8Array(32).fill(1);
  const bytes = new Uint8Array(MESSAGE_BYTES);
  const started = performance.now();
  let count = 0;
  for (; performance.now() - started < ms; count++) sign(seed, bytes);
  return (count / (performance.now() - started)) * 1000;
}

/** Messages acknowledged a second. */
async function rate(daemon: BenchDaemon, groupId: GroupId, callers: number, ms: number): Promise<number> {
  const content = new Uint8Array(64);
  const started = performance.now();
  let acknowledged = 0;
  const caller = async () => {
    await using client = await daemon.client();
    while (performance.now() - started < ms) {
      await client.call(publishing, { group_id: groupId, topics: ["bench"], content });
      acknowledged++;
    }
  };
  await Promise.all(Array.from({ length: callers }, caller));
  return (acknowledged / (performance.now() - started)) * 1000;
}
