import { expect, test } from "bun:test";
import { PublicKey } from "../../../src/core/ids.ts";
import { keyOf, namesKey } from "../../../src/core/record/node-key.ts";

test("a record names a key when it holds 32 bytes, and otherwise none", () => {
  const bytes = new Uint8Array(32).fill(7);
  expect(keyOf({ pilot_node_id: 1, entmoot_pubkey: bytes })).toBe(PublicKey.fromBytes(bytes));
  for (const other of [null, new Uint8Array(0), new Uint8Array(31), new Uint8Array(33)]) {
    expect(keyOf({ pilot_node_id: 1, entmoot_pubkey: other })).toBeUndefined();
  }
});

test("a record names the very bytes asked about, whatever their number, and no others", () => {
  const bytes = new Uint8Array(32).fill(7);
  const record = { pilot_node_id: 1, entmoot_pubkey: bytes };
  expect([bytes, bytes.subarray(1), new Uint8Array(32)].map((key) => namesKey(record, key))).toEqual([
    true,
    false,
    false,
  ]);
  expect(namesKey({ pilot_node_id: 1, entmoot_pubkey: null }, new Uint8Array(0))).toBe(false);
});
