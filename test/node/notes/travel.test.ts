import { expect, test } from "bun:test";
import { decodeReceipt, type ReceiptState } from "../../../src/core/record/note-bodies.ts";
import { MemoryDataRoot } from "../../../src/store/memory/memory-data-root.ts";
import { NoteWorld } from "../../support/note-world.ts";

/** Three nodes, 1 the founder, and what each holds of the receipts of 2. */
async function three() {
  const roots = [1, 2, 3].map(() => new MemoryDataRoot());
  const world = await NoteWorld.of(3, { root: (n) => roots[n - 1]! });
  const held = (n: number, reader = 2) =>
    roots[n - 1]!.openGroup(world.groupId)!.notes.get({ kind: "receipt", author: world.key(reader) });
  const stateAt = (n: number): ReceiptState | undefined => {
    const note = held(n);
    return note && decodeReceipt(note.body).rows[0]?.state;
  };
  return { world, held, stateAt };
}

test("what became of a message reaches its asker, and every member", async () => {
  const { stateAt, world } = await three();
  await using _ending = world;
  const listener = world.listen(2);
  const id = await world.say(1, "@n2 are you there?");
  await world.until(() => listener.taken.includes(id));
  await world.until(() => stateAt(1) === "delivered" && stateAt(3) === "delivered");
  await world.say(2, "yes", [id]);
  await world.until(() => stateAt(1) === "answered" && stateAt(3) === "answered");
});

test("reader and asker are never there together, but a third is, and all of them start again in between", async () => {
  const { held, stateAt, world } = await three();
  await using _ending = world;
  const id = await world.say(1, "@n2 when you are back");
  await world.until(() => world.has(3, id));
  await world.stop(2);
  await world.stop(1);
  await world.start(2);
  await world.until(() => world.has(2, id));
  const listener = world.listen(2);
  await world.until(() => listener.taken.includes(id));
  await world.until(() => stateAt(3) === "delivered");
  await world.stop(2);
  await world.stop(3);
  const before = held(3)!.version;
  await world.start(3);
  await world.start(1);
  expect(stateAt(1)).not.toBe("delivered");
  await world.until(() => stateAt(1) === "delivered");
  expect(held(1)!.version).toBe(before);
  await world.start(2);
});
