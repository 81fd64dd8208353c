import { describe, expect, test } from "bun:test";
import { steadyMs } from "../../src/core/clock.ts";
import { Shares } from "../../src/machine/shares.ts";
import { node } from "./group.ts";

const LIMITS = { perPeerBytes: 60, totalBytes: 100, stalledMs: 1_000 };
const NOW = steadyMs(0);
const [a, b, c] = [node(1), node(2), node(3)];

/** A pool, and what was lost in it by name. */
function world() {
  const shares = new Shares(LIMITS);
  const lost: string[] = [];
  const take = (name: string, peer: typeof a, bytes: number, now = NOW) =>
    shares.take(peer, bytes, () => lost.push(name), now);
  return { shares, lost, take };
}

describe("what peers hold of a pool", () => {
  test("is bounded for each, and given back by disposing", () => {
    const { shares, take } = world();
    const first = take("first", a, 40)!;
    expect(take("second", a, 30)).toBeUndefined();
    expect(first.resize(61, NOW)).toBe(false);
    expect([first.bytes, shares.total]).toEqual([40, 40]);
    first[Symbol.dispose]();
    first[Symbol.dispose]();
    expect([shares.total, shares.held(a)]).toEqual([0, 0]);
    expect(take("second", a, 30)).toBeDefined();
  });

  test("may be one piece larger than a peer's part, while it holds nothing else", () => {
    const { take } = world();
    expect(take("large", a, 80)).toBeDefined();
    expect(take("small", a, 1)).toBeUndefined();
    expect(take("too large", b, 101)).toBeUndefined();
  });

  test("is bounded in all: who holds more than the asker would makes room", () => {
    const { shares, lost, take } = world();
    take("a1", a, 30);
    take("a2", a, 30);
    take("b", b, 40);
    expect(take("c", c, 20)).toBeDefined();
    expect(lost).toEqual(["a1"]);
    expect(shares.total).toBe(90);
    expect(take("c2", c, 30)).toBeUndefined();
    expect(lost).toEqual(["a1"]);
  });

  test("makes room first where it does not move, however little it is", () => {
    const { lost, take } = world();
    const moving = take("moving", a, 60)!;
    take("stalled", b, 40);
    const later = steadyMs(1_000);
    moving.moved(later);
    expect(take("c", c, 35, later)).toBeDefined();
    expect(lost).toEqual(["stalled"]);
  });

  test("never makes room at the cost of who asks", () => {
    const { lost, take } = world();
    take("a", a, 60);
    take("b", b, 40);
    expect(take("b2", b, 20)).toBeUndefined();
    expect(lost).toEqual([]);
  });
});

describe("where peers earn their room", () => {
  const earning = () => new Shares({ perPeerBytes: 100, totalBytes: 100, stalledMs: 10_000, slowMs: 1_000 });

  test("who earned more holds more than who asks, and who earned less makes room for it", () => {
    const shares = earning();
    const lost: string[] = [];
    const take = (name: string, peer: typeof a, bytes: number) => shares.take(peer, bytes, () => lost.push(name), NOW);
    shares.earn(a, 50, NOW);
    take("a", a, 80);
    expect(take("b", b, 30)).toBeUndefined();
    take("b", b, 10);
    shares.earn(c, 60, NOW);
    expect(take("c", c, 20)).toBeDefined();
    expect(lost).toEqual(["b"]);
  });

  test("what was earned counts less as time goes by, and what is not whole for long makes room for who earned as much", () => {
    const shares = earning();
    const lost: string[] = [];
    const take = (name: string, peer: typeof a, bytes: number, at: number) =>
      shares.take(peer, bytes, () => lost.push(name), steadyMs(at));
    shares.earn(a, 50, NOW);
    shares.earn(b, 20, steadyMs(9_000));
    const held = take("a", a, 20, 9_000)!;
    take("c", c, 80, 9_000);
    held.moved(steadyMs(9_900));
    expect(take("b", b, 50, 9_900)).toBeDefined();
    expect(lost).toEqual(["c"]);
    expect(take("b2", b, 50, 9_900)).toBeUndefined();
    expect(take("b2", b, 40, 10_000)).toBeDefined();
    expect(lost).toEqual(["c", "a"]);
  });

  test("a little that was earned once keeps no place before who comes later", () => {
    const shares = earning();
    const lost: string[] = [];
    const take = (name: string, peer: typeof a, bytes: number) => shares.take(peer, bytes, () => lost.push(name), NOW);
    shares.earn(a, 3, NOW);
    shares.earn(b, 3, NOW);
    take("a", a, 60);
    take("b", b, 40);
    // A sixteenth of what it holds.
    expect(take("newcomer", c, 30)).toBeDefined();
    expect(lost).toEqual(["a"]);
    expect(take("newcomer", c, 31)).toBeUndefined();
    expect(lost).toEqual(["a"]);
  });
});
