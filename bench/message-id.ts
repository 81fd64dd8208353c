import { messageId } from "../src/core/record/message.ts";
import { corpusOf } from "./corpus.ts";
import { type Figure, timeMs } from "./figure.ts";

const MESSAGES = 2_000;
const ROUNDS = 15;

/** Ids of messages as they are in memory: the signing form and its hash, on one core. */
export async function messageIds(say: (progress: string) => void): Promise<readonly Figure[]> {
  const { messages } = corpusOf(MESSAGES);
  say(`${MESSAGES} ids, ${ROUNDS} times`);
  let bestMs = Number.POSITIVE_INFINITY;
  for (let round = 0; round < ROUNDS; round++) {
    bestMs = Math.min(
      bestMs,
      await timeMs(() => {
        for (const { message } of messages) messageId(message);
      }),
    );
  }
  const measured = (MESSAGES / bestMs) * 1000;
  const basis = "fixed; one core, messages of 600 bytes";
  return [{ name: "message ids", unit: "/s", measured, limit: 150_000, better: "higher", basis }];
}
