import { beforeEach, expect, test } from "bun:test";
import { steadyMs } from "../../src/core/clock.ts";
import { MACHINE_DEFAULTS as config } from "../../src/machine/machine-config.ts";
import { Partners } from "../../src/machine/partners.ts";
import { SeededRandom } from "../../src/machine/random.ts";
import { id, members, node } from "./group.ts";

let partners: Partners;

beforeEach(() => {
  partners = new Partners({ local: node(0), random: new SeededRandom(1), config });
});

/** A group of `size` in which nobody has been chosen yet. */
function start(size: number): void {
  partners.handle({ kind: "members", members: members(size) }, steadyMs(0));
}

test("what an event brings is there for the stages behind; who is chosen because of it is so after them", () => {
  start(3);
  expect(partners.all()).toEqual([]);
  partners.handle({ kind: "ihave", from: node(2), ids: [] }, steadyMs(0));
  expect(partners.all()).toEqual([node(2)]);
  expect(partners.follow([], steadyMs(0))).toEqual([{ kind: "graft", to: node(1), ids: [] }]);
  expect(partners.all()).toEqual([node(2), node(1)]);
});

test("whom we graft is a partner and eager, whom we prune is lazy", () => {
  start(4);
  partners.follow([{ kind: "graft", to: node(3), ids: [id(1)] }], steadyMs(0));
  expect(partners.link(node(3))).toBe("eager");
  partners.follow([{ kind: "prune", to: node(3) }], steadyMs(1));
  expect(partners.link(node(3))).toBe("lazy");
});

test("a graft of theirs makes the link eager, a prune lazy; in a small group an empty graft only asks to be a partner", () => {
  start(4);
  partners.handle({ kind: "graft", from: node(1), ids: [] }, steadyMs(0));
  expect(partners.link(node(1))).toBe("lazy");
  partners.handle({ kind: "graft", from: node(1), ids: [id(1)] }, steadyMs(0));
  expect(partners.link(node(1))).toBe("eager");
  partners.handle({ kind: "prune", from: node(1) }, steadyMs(0));
  expect(partners.link(node(1))).toBe("lazy");
});

test("in a larger group a message over a lazy link makes it eager again, but not one that was on its way before", () => {
  start(40);
  const stored = (nowMs: number) =>
    partners.handle({ kind: "stored", ids: [id(1)], from: node(1), via: "push" }, steadyMs(nowMs));
  stored(0);
  partners.follow([{ kind: "prune", to: node(1) }], steadyMs(10));
  stored(10 + config.partners.linkSettledMs - 1);
  expect(partners.link(node(1))).toBe("lazy");
  stored(10 + config.partners.linkSettledMs);
  expect(partners.link(node(1))).toBe("eager");
});

test("whoever is no member is no partner, whatever it sends or is sent", () => {
  start(4);
  const stranger = node(9);
  for (const kind of ["ihave", "graft", "announced", "duplicate"] as const) {
    partners.handle({ kind, from: stranger, ids: [id(1)] }, steadyMs(0));
  }
  partners.handle({ kind: "peer", peer: stranger, connected: true }, steadyMs(0));
  partners.follow([{ kind: "graft", to: stranger, ids: [id(1)] }], steadyMs(0));
  expect(partners.all()).not.toContain(stranger);
  expect(partners.isConnected(stranger)).toBe(false);
});
