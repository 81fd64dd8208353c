import { describe, expect, test } from "bun:test";
import { unixMs } from "../../src/core/clock.ts";
import { GroupId, MessageId } from "../../src/core/ids.ts";
import type { MailboxChange } from "../../src/store/mailbox-store.ts";
import type { DataRootWorld } from "./data-root.contract.ts";

const group = (n: number) => GroupId.fromBytes(new Uint8Array(32).fill(n));
const keys = (n: number) => ({ messageId: MessageId.fromBytes(new Uint8Array(32).fill(n)), timestamp: BigInt(n) });
const change = (fields: Partial<MailboxChange> = {}): MailboxChange => {
  const place = "p".repeat(40);
  const whose = { groupId: group(1), client: "a", expected: undefined };
  return { ...whose, place, keys: keys(1), nowMs: unixMs(1), checkRoom() {}, ...fields };
};

/** The questions every mailbox answers alike. Call inside a test file, once per driver. */
export function mailboxStoreContract(name: string, makeWorld: () => DataRootWorld): void {
  describe(`a mailbox in ${name}`, () => {
    test("keeps where each client of each moot is", () => {
      using world = makeWorld();
      const { mailbox } = world.root;
      expect(mailbox.row(group(1), "a")).toBeUndefined();
      expect(mailbox.put(change())).toBe(true);
      expect(mailbox.put(change({ groupId: group(2), keys: keys(2) }))).toBe(true);
      expect(mailbox.put(change({ client: "ä '\n", keys: { ...keys(3), timestamp: -(2n ** 63n) } }))).toBe(true);
      const again = world.reopen().mailbox;
      expect(again.row(group(1), "a")).toMatchObject({
        keys: keys(1),
        placed: { place: "p".repeat(40), keys: keys(1) },
      });
      expect(again.row(group(2), "a")).toMatchObject({ keys: keys(2) });
      expect(again.row(group(1), "ä '\n")).toMatchObject({ keys: { timestamp: -(2n ** 63n) } });
      expect(again.row(group(2), "ä '\n")).toBeUndefined();
    });

    test("changes only the row that was read", () => {
      using world = makeWorld();
      const { mailbox } = world.root;
      mailbox.put(change());
      expect(mailbox.put(change({ keys: keys(2) }))).toBe(false);
      const { stamp } = mailbox.row(group(1), "a")!;
      expect(mailbox.put(change({ keys: keys(2), expected: stamp }))).toBe(true);
      expect(mailbox.put(change({ keys: keys(3), expected: stamp }))).toBe(false);
      expect(mailbox.put(change({ client: "b", expected: stamp }))).toBe(false);
      expect(mailbox.row(group(1), "a")!.keys).toEqual(keys(2));
      expect(mailbox.row(group(1), "b")).toBeUndefined();
    });

    test("asks whether there is room for a client that is new, and only then", () => {
      using world = makeWorld();
      const { mailbox } = world.root;
      for (const client of ["agent/a", "agent/b", "agents", "%gent/"]) mailbox.put(change({ client }));
      mailbox.put(change({ client: "agent/a", groupId: group(2) }));
      const counts: number[] = [];
      const full = new Error("full");
      const checkRoom = (countOf: (prefix: string) => number) => {
        counts.push(countOf(""), countOf("agent/"));
        throw full;
      };
      expect(() => mailbox.put(change({ client: "c", checkRoom }))).toThrow(full);
      expect(counts).toEqual([4, 2]);
      expect(mailbox.row(group(1), "c")).toBeUndefined();
      const { stamp } = mailbox.row(group(1), "agents")!;
      expect(mailbox.put(change({ client: "agents", expected: stamp, checkRoom }))).toBe(true);
    });

    test("forgets a client, which is then new", () => {
      using world = makeWorld();
      const { mailbox } = world.root;
      expect(mailbox.forget(group(1), "a")).toBe(false);
      mailbox.put(change());
      expect([mailbox.forget(group(2), "a"), mailbox.forget(group(1), "a")]).toEqual([false, true]);
      expect(mailbox.row(group(1), "a")).toBeUndefined();
      expect(mailbox.put(change())).toBe(true);
    });
  });
}
