import { sha256 } from "../src/core/bytes/sha256.ts";
import { messageId } from "../src/core/record/message.ts";
import { corpusOf } from "./corpus.ts";
import { type Figure, median, timeMs } from "./figure.ts";

const MESSAGES = 2_000;
const ROUNDS = 15;

/** Ours. An id is a signing form written and hashed; writing it may take this many times what hashing alone takes. */
const TIMES_HASHING = 8;

/** Ids of messages as they are in memory: the signing form and its hash, on one core, beside the hash alone. */
export async function messageIds(say: (progress: string) => void): Promise<readonly Figure[]> {
  const { messages } = corpusOf(MESSAGES);
  say(`${MESSAGES} ids, ${ROUNDS} times`);
  const rounds: { readonly idsMs: number; readonly hashesMs: number }[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const hashesMs = await timeMs(() => {
      for (const { signing } of messages) sha256(signing);
    });
    const idsMs = await timeMs(() => {
      for (const { message } of messages) messageId(message);
    });
    rounds.push({ hashesMs, idsMs });
  }
  const idUs = (median(rounds.map(({ idsMs }) => idsMs)) / MESSAGES) * 1000;
  const hashUs = (median(rounds.map(({ hashesMs }) => hashesMs)) / MESSAGES) * 1000;
  return [
    {
      name: "id of a message of 600 bytes",
      unit: "µs",
      measured: idUs,
      limit: TIMES_HASHING * hashUs,
      better: "lower",
      basis: `${TIMES_HASHING} × SHA-256 of the same bytes, ${hashUs.toPrecision(3)} µs; one core`,
    },
  ];
}
