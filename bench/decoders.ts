import { DECODERS, type DecoderCase } from "./decoder-cases.ts";
import { type Figure, took } from "./figure.ts";

/** Ours. What the worst input of a size may cost beside typical ones: little, beside what an attacker gains by sending more. */
const TIMES_TYPICAL = 5;

const ROUNDS = 9;

/** Every decoder of what others wrote: its worst known input beside typical ones of the same size. */
export async function decoders(say: (progress: string) => void): Promise<readonly Figure[]> {
  say(`${DECODERS.length} decoders, up to ${ROUNDS} times each input`);
  const figures: Figure[] = [];
  for (const decoder of DECODERS) {
    const { input, ratio, typicalMs } = await worstOf(decoder, { rounds: ROUNDS });
    figures.push({
      name: `${decoder.name}: worst ÷ typical`,
      unit: "×",
      measured: ratio,
      limit: TIMES_TYPICAL,
      better: "lower",
      basis: `fixed; ${decoder.bytes / 1024} KiB of ${input}; ${typicalMs.toPrecision(2)} ms typically`,
    });
  }
  return figures;
}

/** The input that costs a decoder most. */
interface WorstInput {
  readonly input: string;
  /** To typical ones. */
  readonly ratio: number;
  readonly typicalMs: number;
}

/**
 * Inputs take turns, and the least that each took counts: whatever else the machine does only adds to it. With `enough`
 * an input is not measured again once its ratio is as low.
 */
export async function worstOf(
  decoder: DecoderCase,
  { rounds, enough = 0 }: { readonly rounds: number; readonly enough?: number },
): Promise<WorstInput> {
  const { bytes, pieceBytes = bytes, typical, worst } = decoder;
  const typicalInputs = new Array<Uint8Array>(Math.floor(bytes / pieceBytes)).fill(typical(pieceBytes));
  let typicalMs = Number.POSITIVE_INFINITY;
  let found: Omit<WorstInput, "typicalMs"> = { input: "nothing", ratio: 0 };
  for (const [input, make] of Object.entries(worst)) {
    const inputs = [make(bytes)];
    let ms = Number.POSITIVE_INFINITY;
    for (let round = 0; round < rounds && !(ms / typicalMs <= enough); round++) {
      typicalMs = Math.min(typicalMs, await workMs(decoder, typicalInputs));
      ms = Math.min(ms, await workMs(decoder, inputs));
    }
    if (ms > found.ratio * typicalMs) found = { input, ratio: ms / typicalMs };
  }
  return { ...found, typicalMs };
}

async function workMs({ decode }: DecoderCase, inputs: readonly Uint8Array[]): Promise<number> {
  const { processorMs: ms, wallMs } = await took(() => {
    for (const input of inputs) {
      try {
        decode(input);
      } catch {
        // Refused is answered.
      }
    }
  });
  // Collecting garbage takes processors besides the one that works, other programs take time.
  return Math.min(ms, wallMs);
}
