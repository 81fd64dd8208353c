import type { StoredMessage } from "../../store/group-store.ts";
import type { Turns } from "../turns.ts";
import type { Moot } from "./moots.ts";

/** Ours. Messages read before others have their turn, and bytes of them: a few milliseconds' work. */
export const PIECE_MESSAGES = 64;
export const PIECE_BYTES = 256 * 1024;

/** What arrived after a number, in pieces that are never empty, each in a turn of its own, to the end of the log; the first of at most `firstMax`. */
export async function* arrivalsAfter(
  { turns }: { readonly turns: Pick<Turns, "take"> },
  { store: { messages } }: Pick<Moot, "store">,
  after: number,
  firstMax = PIECE_MESSAGES,
): AsyncGenerator<readonly StoredMessage[]> {
  for (let [seq, max] = [after, Math.min(firstMax, PIECE_MESSAGES)]; ; max = PIECE_MESSAGES) {
    await turns.take();
    const piece = messages.arrivedAfter(seq, max, PIECE_BYTES);
    const last = piece.at(-1);
    if (last === undefined) return;
    yield piece;
    seq = last.seq;
  }
}
