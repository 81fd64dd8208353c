import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { steadyMs } from "../../src/core/clock.ts";
import { PublicKey } from "../../src/core/ids.ts";
import { isNewerNote, type NoteHead, type NoteName, noteKey } from "../../src/core/record/note.ts";
import {
  ANNOUNCE_MS,
  GREET_AGAIN_MS,
  type NoteEffect,
  type NoteEvent,
  NoteExchange,
} from "../../src/machine/note-exchange.ts";

const key = (n: number) => PublicKey.fromBytes(new Uint8Array(32).fill(n));
const head = (author: number, version: number, mark = "00", kind: NoteHead["kind"] = "receipt"): NoteHead => ({
  kind,
  author: key(author),
  version: BigInt(version),
  mark,
});

/** One member's notes and its exchange; bodies are their heads. */
class Member {
  readonly held = new Map<string, NoteHead>();
  readonly exchange: NoteExchange;
  mayPassOn = true;
  wants = true;

  constructor(readonly name: PublicKey) {
    this.exchange = new NoteExchange({
      head: (name) => this.held.get(noteKey(name)),
      heads: () => [...this.held.values()].sort((a, b) => (a.kind === "rule" ? -1 : b.kind === "rule" ? 1 : 0)),
      tells: (_peer, { author }) => this.mayPassOn || author === this.name,
      wants: () => this.wants,
    });
  }

  handle(event: NoteEvent, atMs = 0): NoteEffect[] {
    return this.exchange.handle(event, steadyMs(atMs));
  }

  /** A note as it comes: kept when it is the latest. */
  take(note: NoteHead, from: PublicKey | undefined, atMs = 0): NoteEffect[] {
    if (!isNewerNote(note, this.held.get(noteKey(note)))) return [];
    this.held.set(noteKey(note), note);
    return this.handle({ kind: "kept", head: note, from }, atMs);
  }
}

const only = (effects: readonly NoteEffect[]) => effects.filter(({ kind }) => kind !== "schedule");
const nameOf = ({ author, kind }: NoteName) => ({ author, kind });

describe("heads", () => {
  test("are told when two meet, and only what is newer is asked for", () => {
    const a = new Member(key(1));
    a.take(head(3, 5), key(9));
    a.take(head(4, 5), key(9));
    expect(only(a.handle({ kind: "met", peer: key(2) }))).toEqual([
      { kind: "tell_heads", to: key(2), heads: [head(3, 5), head(4, 5)], isGreeting: true },
    ]);
    const heard = a.handle({
      kind: "heads",
      from: key(2),
      heads: [head(3, 6), head(4, 4), head(5, 1)],
      isGreeting: false,
    });
    expect(only(heard)).toEqual([{ kind: "ask", to: key(2), names: [head(3, 6), head(5, 1)].map(nameOf) }]);
  });

  test("of equal versions the greater signature is newer", () => {
    const a = new Member(key(1));
    a.take(head(3, 5, "0a"), key(9));
    expect(only(a.handle({ kind: "heads", from: key(2), heads: [head(3, 5, "09")], isGreeting: false }))).toEqual([]);
    expect(only(a.handle({ kind: "heads", from: key(2), heads: [head(3, 5, "0b")], isGreeting: false }))).toEqual([
      { kind: "ask", to: key(2), names: [nameOf(head(3, 5))] },
    ]);
  });

  test("what one is asked for is not asked of another until that one fails", () => {
    const a = new Member(key(1));
    for (const peer of [2, 3]) a.handle({ kind: "met", peer: key(peer) });
    const asked = { author: key(7), kind: "receipt" } as const;
    expect(only(a.handle({ kind: "heads", from: key(2), heads: [head(7, 1)], isGreeting: false }))).toEqual([
      { kind: "ask", to: key(2), names: [asked] },
    ]);
    expect(only(a.handle({ kind: "heads", from: key(3), heads: [head(7, 1)], isGreeting: false }))).toEqual([]);
    expect(only(a.handle({ kind: "failed", from: key(2) }))).toEqual([{ kind: "ask", to: key(3), names: [asked] }]);
    a.take(head(7, 1), key(3));
    expect(only(a.handle({ kind: "answered", from: key(3), asked: [asked] }))).toEqual([]);
    expect(a.exchange.wanted).toBe(0);
  });

  test("who announces what it does not bring is left alone, longer each time", () => {
    const a = new Member(key(1));
    a.handle({ kind: "met", peer: key(2) });
    const asked = [nameOf(head(7, 1))];
    const asksAt = (atMs: number) =>
      a
        .handle({ kind: "heads", from: key(2), heads: [head(7, 9)], isGreeting: false }, atMs)
        .some(({ kind }) => kind === "ask");
    let at = 0;
    const rests: number[] = [];
    for (let n = 0; n < 7; n++) {
      expect(asksAt(at)).toBeTrue();
      a.handle({ kind: "answered", from: key(2), asked }, at);
      const failedAt = at;
      while (!asksAt(at + 1_000)) at += 1_000;
      at += 1_000;
      a.handle({ kind: "answered", from: key(2), asked: [] }, at);
      rests.push(at - failedAt);
      // It is asked again only for the count of this test.
      a.handle({ kind: "answered", from: key(2), asked }, at);
      at += 400_000;
    }
    expect(rests[0]).toBe(10_000);
    expect(Math.max(...rests)).toBeLessThanOrEqual(300_000);
  });

  test("of what is wanted there is so much, whatever is announced", () => {
    const a = new Member(key(1));
    a.handle({ kind: "met", peer: key(2) });
    const many = Array.from({ length: 2_000 }, (_, n) => ({
      ...head(1, 1),
      author: PublicKey.fromHex(n.toString(16).padStart(64, "0")),
    }));
    const asked = a
      .handle({ kind: "heads", from: key(2), heads: many, isGreeting: false })
      .find(({ kind }) => kind === "ask");
    expect(a.exchange.wanted).toBe(512);
    expect(asked).toMatchObject({ names: { length: 32 } });
  });

  test("what is not wanted is not asked for, and what is wanted no more is forgotten", () => {
    const a = new Member(key(1));
    a.wants = false;
    a.handle({ kind: "met", peer: key(2) });
    expect(only(a.handle({ kind: "heads", from: key(2), heads: [head(7, 1)], isGreeting: false }))).toEqual([]);
    a.wants = true;
    a.handle({ kind: "heads", from: key(2), heads: [head(7, 1)], isGreeting: false });
    expect(a.exchange.wanted).toBe(1);
    a.wants = false;
    a.exchange.forget();
    expect(a.exchange.wanted).toBe(0);
  });
});

describe("telling", () => {
  test("our own goes whole to those that were heard, what others made by its head, not to where it came from", () => {
    const a = new Member(key(1));
    for (const peer of [2, 3]) {
      a.handle({ kind: "met", peer: key(peer) });
      a.handle({ kind: "heads", from: key(peer), heads: [], isGreeting: false });
    }
    expect(only(a.take(head(1, 1), undefined))).toEqual([
      { kind: "tell_notes", to: key(2), names: [nameOf(head(1, 1))] },
      { kind: "tell_notes", to: key(3), names: [nameOf(head(1, 1))] },
    ]);
    expect(only(a.take(head(7, 1), key(2)))).toEqual([]);
    expect(only(a.handle({ kind: "timer" }, ANNOUNCE_MS))).toEqual([
      { kind: "tell_heads", to: key(3), heads: [head(7, 1)], isGreeting: false },
    ]);
  });

  test("begins when the peer's heads came and a rule it has is here; what was made meanwhile is told then", () => {
    const a = new Member(key(1));
    a.handle({ kind: "met", peer: key(2) });
    expect(only(a.take(head(1, 1), undefined))).toEqual([]);
    const rule = head(5, 3, "00", "rule");
    expect(only(a.handle({ kind: "heads", from: key(2), heads: [rule], isGreeting: false }))).toEqual([
      { kind: "ask", to: key(2), names: [nameOf(rule)] },
    ]);
    expect(only(a.take(head(1, 2), undefined))).toEqual([]);
    expect(only(a.handle({ kind: "timer" }, ANNOUNCE_MS))).toEqual([]);
    expect(only(a.take(rule, key(2)))).toEqual([
      { kind: "tell_heads", to: key(2), heads: [head(1, 2), rule], isGreeting: false },
    ]);
  });

  test("a greeting that was lost is made up for: who was not heard is greeted again, and answers", () => {
    const [a, b] = [new Member(key(1)), new Member(key(2))];
    a.handle({ kind: "met", peer: key(2) });
    b.handle({ kind: "met", peer: key(1) });
    // The other did not know the moot yet; this one's came.
    expect(only(a.handle({ kind: "heads", from: key(2), heads: [], isGreeting: true }))).toEqual([]);
    expect(only(b.handle({ kind: "timer" }, GREET_AGAIN_MS - 1))).toEqual([]);
    const again = { kind: "tell_heads", to: key(1), heads: [], isGreeting: true } as const;
    expect(only(b.handle({ kind: "timer" }, GREET_AGAIN_MS))).toEqual([again]);
    expect(only(a.handle({ kind: "heads", from: key(2), heads: [], isGreeting: true }, GREET_AGAIN_MS))).toEqual([
      { kind: "tell_heads", to: key(2), heads: [], isGreeting: false },
    ]);
    expect(only(b.handle({ kind: "heads", from: key(1), heads: [], isGreeting: false }, GREET_AGAIN_MS))).toEqual([]);
    expect(only(b.handle({ kind: "timer" }, 60_000))).toEqual([]);
    expect(only(b.take(head(2, 1), undefined, 60_000))).toMatchObject([{ kind: "tell_notes" }]);
  });

  test("a note that comes too soon for its author is asked for again when it may", () => {
    const a = new Member(key(1));
    a.handle({ kind: "met", peer: key(2) });
    a.handle({ kind: "heads", from: key(2), heads: [head(2, 9)], isGreeting: false });
    const late = { kind: "late", head: head(2, 9), from: key(2), untilMs: steadyMs(5_000) } as const;
    a.handle(late);
    const after = a.handle({ kind: "answered", from: key(2), asked: [nameOf(head(2, 9))] });
    expect(only(after)).toEqual([]);
    expect(only(a.handle({ kind: "timer" }, 4_999))).toEqual([]);
    expect(only(a.handle({ kind: "timer" }, 5_000))).toEqual([
      { kind: "ask", to: key(2), names: [nameOf(head(2, 9))] },
    ]);
  });

  test("an author may have three at once, then one in its time, and is not charged for forgeries", () => {
    const { exchange } = new Member(key(1));
    const name = nameOf(head(2, 1));
    for (let n = 0; n < 20; n++) {
      expect(exchange.charge(name, steadyMs(0))).toBeUndefined();
      exchange.uncharge(name, steadyMs(0));
    }
    for (let n = 0; n < 3; n++) expect(exchange.charge(name, steadyMs(0))).toBeUndefined();
    expect(exchange.charge(name, steadyMs(0))).toBe(steadyMs(10_000));
    expect(exchange.charge(nameOf(head(3, 1)), steadyMs(0))).toBeUndefined();
    expect(exchange.charge(name, steadyMs(10_000))).toBeUndefined();
  });
});

describe("latest wins", () => {
  const notes = fc.array(
    fc.record({
      author: fc.integer({ min: 1, max: 3 }),
      version: fc.oneof(fc.integer({ min: 1, max: 4 }), fc.constantFrom(2 ** 31, 2 ** 53 - 1)),
      mark: fc.constantFrom("00", "7f", "ff"),
    }),
    { minLength: 1, maxLength: 20 },
  );

  test("whatever the order of arrival", () => {
    fc.assert(
      fc.property(notes, fc.infiniteStream(fc.nat()), (made, random) => {
        const all = made.map(({ author, mark, version }) => head(author, version, mark));
        const shuffled = [...all].sort(() => (random.next().value % 2 === 0 ? -1 : 1));
        const [a, b] = [new Member(key(1)), new Member(key(2))];
        for (const note of all) a.take(note, key(9));
        for (const note of shuffled) b.take(note, key(9));
        expect([...b.held].sort()).toEqual([...a.held].sort());
      }),
    );
  });

  test("and at every member, whatever is lost, and though only some of them are ever connected", () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(3), fc.nat(3), fc.integer({ min: 1, max: 9 }), fc.nat(2)), {
          minLength: 4,
          maxLength: 40,
        }),
        (steps) => {
          const members = [1, 2, 3, 4].map((n) => new Member(key(n)));
          const of = (name: PublicKey) => members.find((member) => member.name === name)!;
          let at = 0;
          let lost = 0;
          const links = new Set<string>();
          const carryOut = (from: Member, effects: readonly NoteEffect[]): void => {
            for (const effect of effects) {
              if (effect.kind === "schedule") continue;
              const to = of(effect.to);
              const isUp = links.has([from.name, to.name].sort().join());
              // Every third frame is lost as long as things happen.
              const isLost = !isUp || (lost >= 0 && lost++ % 3 === 2);
              if (effect.kind === "tell_heads") {
                if (!isLost)
                  carryOut(
                    to,
                    to.handle(
                      { kind: "heads", from: from.name, heads: effect.heads, isGreeting: effect.isGreeting },
                      at,
                    ),
                  );
              } else if (effect.kind === "tell_notes") {
                if (isLost) continue;
                for (const name of effect.names) carryOut(to, to.take(from.held.get(noteKey(name))!, from.name, at));
              } else if (isLost) carryOut(from, from.handle({ kind: "failed", from: to.name }, at));
              else {
                for (const name of effect.names) {
                  const note = to.held.get(noteKey(name));
                  if (note !== undefined) carryOut(from, from.take(note, to.name, at));
                }
                carryOut(from, from.handle({ kind: "answered", from: to.name, asked: effect.names }, at));
              }
            }
          };
          const meet = (a: Member, b: Member) => {
            links.add([a.name, b.name].sort().join());
            carryOut(a, a.handle({ kind: "met", peer: b.name }, at));
            carryOut(b, b.handle({ kind: "met", peer: a.name }, at));
          };
          const part = (a: Member, b: Member) => {
            links.delete([a.name, b.name].sort().join());
            a.handle({ kind: "lost", peer: b.name }, at);
            b.handle({ kind: "lost", peer: a.name }, at);
          };
          let version = 0;
          for (const [i, j, ms, what] of steps) {
            const [a, b] = [members[i]!, members[j]!];
            at += ms * 500;
            if (what === 0) carryOut(a, a.take(head(i + 1, ++version), undefined, at));
            else if (a !== b && what === 1) meet(a, b);
            else if (a !== b) part(a, b);
            for (const member of members) carryOut(member, member.handle({ kind: "timer" }, at));
          }
          // In the end they stand in a row, and nothing is lost any more.
          lost = Number.NEGATIVE_INFINITY;
          for (const a of members) for (const b of members) if (a !== b) part(a, b);
          at += 1_000_000;
          for (let n = 0; n < 3; n++) meet(members[n]!, members[n + 1]!);
          for (let n = 0; n < 8; n++) {
            at += ANNOUNCE_MS;
            for (const member of members) carryOut(member, member.handle({ kind: "timer" }, at));
          }
          const [first, ...others] = members.map(({ held }) => [...held].sort());
          for (const other of others) expect(other).toEqual(first!);
          expect(members.map(({ exchange }) => exchange.wanted)).toEqual([0, 0, 0, 0]);
        },
      ),
    );
  });
});
