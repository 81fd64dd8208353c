import { MessageSet } from "../src/core/order/message-set.ts";
import { type Figure, median, timeMs } from "./figure.ts";
import { sharedPart } from "./shared-part.ts";

const SIZES = [10_000, 100_000, 1_000_000];
const APPENDS = 200;
const INSERTIONS = 40;

/** Ours. An append hashes one path of the tree; its books and the order may cost this many times the path. */
const TIMES_PATH = 20;

/** Roots of large sets: loaded at once, after one more message, after one that belongs in the middle, and in steps. */
export async function merkle(say: (progress: string) => void): Promise<readonly Figure[]> {
  const figures: Figure[] = [];
  for (const size of SIZES) {
    say(`loading ${size} ids`);
    figures.push(...(await measure(size)));
  }
  figures.push(...(await sharedPart(say)));
  return figures;
}

async function measure(size: number): Promise<Figure[]> {
  const set = new MessageSet(1);
  const label = `${size.toLocaleString("en")} messages`;
  const loadMs = await timeMs(() => {
    set.reserve(size);
    for (let n = 0; n < size; n++) add(set, n, 2 * n);
    set.root();
  });

  const appendMs: number[] = [];
  for (let n = 0; n < APPENDS; n++) {
    appendMs.push(
      await timeMs(() => {
        add(set, size + n, 2 * (size + n));
        set.root();
      }),
    );
  }

  const insertMs: number[] = [];
  const hashMs: number[] = [];
  for (let n = 0; n < INSERTIONS; n++) {
    hashMs.push(await timeMs(() => hashPairs(size / 2)));
    insertMs.push(
      await timeMs(() => {
        add(set, 2 * size + n, size + 1);
        set.root();
      }),
    );
  }

  const halfMs = Math.min(...hashMs);
  const pathMs = (halfMs / (size / 2)) * (Math.ceil(Math.log2(size)) + 1);
  const unit = "ms";
  return [
    {
      name: `Merkle root after an append, ${label}`,
      unit,
      measured: median(appendMs),
      limit: TIMES_PATH * pathMs,
      better: "lower",
      basis: `${TIMES_PATH} × hashing one path of the tree, ${pathMs.toPrecision(3)} ms`,
    },
    {
      name: `Merkle root after an insertion in the middle, ${label}`,
      unit,
      measured: Math.min(...insertMs),
      limit: 1.5 * halfMs,
      better: "lower",
      basis: `1.5 × hashing half the leaves, ${halfMs.toPrecision(3)} ms`,
    },
    {
      name: `bulk load and one root, ${label}`,
      unit,
      measured: loadMs,
      limit: undefined,
      better: "lower",
      basis: `hashing leaves and nodes alone: ${(4 * halfMs).toPrecision(3)} ms`,
    },
  ];
}

const NO_PARENTS = new Uint8Array(0);

/** An id that nothing else has, spread as hashes are. */
function add(set: MessageSet, n: number, timestamp: number): void {
  const id = new Uint8Array(32);
  const view = new DataView(id.buffer);
  view.setUint32(0, Math.imul(n, 0x9e3779b1));
  view.setUint32(28, n);
  set.addBytes(id, timestamp, 1, NO_PARENTS);
}

/** As many inner nodes of a tree hashed, and nothing else. */
function hashPairs(count: number): void {
  const input = new Uint8Array(65).fill(1);
  const output = new Uint8Array(32);
  for (let n = 0; n < count; n++) Bun.SHA256.hash(input, output);
}
