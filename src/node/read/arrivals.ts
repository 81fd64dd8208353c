import type { StoredMessage } from "../../store/group-store.ts";
import type { Moot, Moots } from "./moots.ts";

/** Ours. Messages read before others have their turn, and bytes of them: a few milliseconds' work. */
export const PIECE_MESSAGES = 64;
export const PIECE_BYTES = 256 * 1024;

/** What arrived after a number, in pieces that are never empty, each in a turn of its own, to the end of the log. */
export async function* arrivalsAfter(
  { turns }: Pick<Moots, "turns">,
  { store: { messages } }: Moot,
  after: number,
): AsyncGenerator<readonly StoredMessage[]> {
  for (let seq = after; ; ) {
    await turns.take();
    const piece = messages.arrivedAfter(seq, PIECE_MESSAGES, PIECE_BYTES);
    const last = piece.at(-1);
    if (last === undefined) return;
    yield piece;
    seq = last.seq;
  }
}
