import { expect, test } from "bun:test";
import { type Neighbours, NO_NEIGHBOURS, trustOf } from "../../../src/core/agents/trust.ts";
import { PublicKey } from "../../../src/core/ids.ts";
import { neighboursLine, parseNeighbours } from "../../../src/daemon/neighbour-keys.ts";

const [ABOVE, VOICE, LISTED, OTHER] = [1, 2, 3, 4].map((n) => PublicKey.fromBytes(new Uint8Array(32).fill(n)));
const neighbours: Neighbours = { operator: ABOVE!, voices: new Set([VOICE!]) };

test("an author is trusted by its key alone: the node above, other voices, those on the allow list", () => {
  const allowed = [LISTED!];
  const trusts = [ABOVE, VOICE, LISTED, OTHER, undefined].map((key) => trustOf(key, { allowed, neighbours }));
  expect(trusts).toEqual(["operator", "known", "known", "peer", "peer"]);
  expect(trustOf(ABOVE, { allowed: [], neighbours: NO_NEIGHBOURS })).toBe("peer");
});

test("what the daemon above says is read back, and anything else says nothing", () => {
  expect(parseNeighbours(neighboursLine(neighbours))).toEqual(neighbours);
  const keys = Array.from({ length: 33 }, () => PublicKey.toBase64(OTHER!));
  for (const text of [
    "",
    "{}",
    '{"operator":7,"voices":[]}',
    `{"operator":"${"!".repeat(44)}","voices":[]}`,
    JSON.stringify({ operator: keys[0], voices: keys }),
  ]) {
    expect(parseNeighbours(text)).toBeUndefined();
  }
});
