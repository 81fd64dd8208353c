import { describe, expect, test } from "bun:test";
import { NO_CONSENT } from "../../src/core/admission/default-moot-state.ts";
import { GroupId } from "../../src/core/ids.ts";
import type { DataRoot } from "../../src/store/data-root.ts";
import { expectCode } from "../support/expect-code.ts";
import { identity } from "../support/identity.ts";
import { keptMessage } from "../support/kept-message.ts";
import { message } from "../support/message.ts";
import { roster } from "../support/roster.ts";

/** One data root, for one test. */
export interface DataRootWorld extends Disposable {
  readonly root: DataRoot;
  /** Closes the root and opens what it kept; a driver that keeps nothing gives the same one. */
  reopen(): DataRoot;
}

const group = (n: number) => GroupId.fromBytes(new Uint8Array(32).fill(n));
const LOG = roster([identity(1), identity(2)]).entries;

/** The questions every data root answers alike. Call inside a test file, once per driver. */
export function dataRootContract(name: string, makeWorld: () => DataRootWorld): void {
  const check = (sentence: string, body: (root: DataRoot, world: DataRootWorld) => void) =>
    test(sentence, () => {
      using world = makeWorld();
      body(world.root, world);
    });

  describe(`a data root in ${name}`, () => {
    check("a group is joined once its roster has an entry", (root, world) => {
      const store = root.createGroup(group(1));
      expect(store.groupId).toBe(group(1));
      expect(root.groupIds()).toEqual([]);
      expect(root.openGroup(group(1))).toBeUndefined();
      store.roster.append(LOG);
      expect(root.groupIds()).toEqual([group(1)]);
      expect(root.openGroup(group(1))).toBe(store);
      world.reopen();
      expect(world.root.groupIds()).toEqual([group(1)]);
      expect(world.root.openGroup(group(1))!.roster.entries()).toEqual([...LOG]);
      expect(world.root.openGroup(group(1))).toBe(world.root.openGroup(group(1)));
    });

    check("what was said of the default moot is kept, whole", (root, world) => {
      expect(root.defaultMoot.read()).toEqual(NO_CONSENT);
      const said = { ...NO_CONSENT, consent: "joined", group_id: group(3), descriptor_issued_at_ms: 7n } as const;
      root.defaultMoot.write({ ...said, descriptor_url: "https://a.example/x", updated_at_ms: 2n ** 53n + 1n });
      root.defaultMoot.write({ ...said, consent: "declined", updated_at_ms: 9n });
      expect(world.reopen().defaultMoot.read()).toEqual({ ...said, consent: "declined", updated_at_ms: 9n });
    });

    check("looking for a group that is not there leaves nothing behind", (root, world) => {
      expect(root.openGroup(group(1))).toBeUndefined();
      expect(root.groupIds()).toEqual([]);
      expect(world.reopen().groupIds()).toEqual([]);
      expect(world.root.openGroup(group(1))).toBeUndefined();
    });

    check("a joined group is not created again, one that never came to be is", (root) => {
      const first = root.createGroup(group(1));
      first.setFact("left", "over");
      const second = root.createGroup(group(1));
      expect(second.getFact("left")).toBeUndefined();
      second.roster.append(LOG);
      expectCode("conflict", () => root.createGroup(group(1)));
      expect(root.openGroup(group(1))).toBe(second);
    });

    check("a failed join is thrown away, unless it has messages", (root, world) => {
      root.createGroup(group(1)).roster.append(LOG);
      root.discardGroup(group(1));
      expect(root.groupIds()).toEqual([]);
      expect(root.openGroup(group(1))).toBeUndefined();
      expect(world.reopen().openGroup(group(1))).toBeUndefined();
      world.root.discardGroup(group(1));
      const store = world.root.createGroup(group(2));
      store.roster.append(LOG);
      store.messages.putMany([keptMessage(message())]);
      expectCode("conflict", () => world.root.discardGroup(group(2)));
      expect(store.messages.size).toBe(1);
      expect(world.root.openGroup(group(2))!.messages.size).toBe(1);
    });

    check("a group that is forgotten is gone with its messages, and may be joined again", (root, world) => {
      const store = root.createGroup(group(1));
      store.roster.append(LOG);
      store.messages.putMany([keptMessage(message())]);
      root.createGroup(group(2)).roster.append(LOG);
      root.forgetGroup(group(1), { keep: true });
      root.forgetGroup(group(2), { keep: false });
      expect(root.groupIds()).toEqual([]);
      expect(root.openGroup(group(1))).toBeUndefined();
      expect(world.reopen().groupIds()).toEqual([]);
      expect(world.root.notices).toEqual([]);
      const again = world.root.createGroup(group(1));
      again.roster.append(LOG);
      expect(again.messages.size).toBe(0);
      expect(world.root.groupIds()).toEqual([group(1)]);
    });

    check("groups come in the order of their directory names", (root) => {
      // By character code, digits come before capitals, `_` and small letters; bytes would order otherwise.
      const ids = [group(0xff), group(0), group(0xd3), group(0x68)];
      for (const id of ids) root.createGroup(id).roster.append(LOG);
      expect(root.groupIds()).toEqual([group(0xd3), group(0), group(0xff), group(0x68)]);
    });

    check("what the node keeps is there after reopening", (root, world) => {
      root.node.setSetting("iroh_port", "4711");
      expect(world.reopen().node.getSetting("iroh_port")).toBe("4711");
    });
  });
}
