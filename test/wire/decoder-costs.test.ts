import { expect, test } from "bun:test";
import { DECODERS } from "../../bench/decoder-cases.ts";
import { worstOf } from "../../bench/decoders.ts";

/**
 * Twice what `npm run bench -- decoders` holds them to, for a machine that does other things meanwhile. What this finds
 * is a cost that grows with the square of an input, or a call for every byte of it: thirty times and more.
 */
const TIMES_TYPICAL_MAX = 10;

test.each(DECODERS.map((decoder) => [decoder.name, decoder] as const))(
  "the worst input costs little more than a typical one of its size: %s",
  async (_name, decoder) => {
    const { input, ratio } = await worstOf(decoder, { rounds: 30, enough: TIMES_TYPICAL_MAX });
    expect(ratio, input).toBeLessThanOrEqual(TIMES_TYPICAL_MAX);
  },
);
