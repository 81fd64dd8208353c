import { steadyMs } from "../../src/core/clock.ts";
import { MerkleRoot, MessageId, PublicKey, RosterEntryId } from "../../src/core/ids.ts";
import type { Effect, NetworkEffect, Report } from "../../src/machine/effect.ts";
import type { CopyStatus, Event, NetworkFailure, Via } from "../../src/machine/event.ts";
import { MACHINE_DEFAULTS, type MachineConfig } from "../../src/machine/machine-config.ts";
import { type Random, SeededRandom } from "../../src/machine/random.ts";
import { Clock } from "./clock.ts";
import { Member, type SimMessage } from "./member.ts";
import { Traffic } from "./traffic.ts";

export interface WorldOptions {
  readonly seed: number;
  /** Members at the start, the founder included; all with the same roster. */
  readonly members: number;
  /** Chance that a frame or an answer is lost; every second time nobody notices. */
  readonly loss?: number;
  /** One-way delay between two members, drawn once per pair; each frame adds up to a fifth. */
  readonly delayMs?: readonly [number, number];
  /** Pairs of members, by number, that can never connect. */
  readonly unreachable?: readonly (readonly [number, number])[];
  /** Messages in one page of ids. */
  readonly pageMax?: number;
  /** False: a status question does not carry the asker's own, as with original peers. */
  readonly statusBothWays?: boolean;
  /** How members lie, by number. They say nothing unasked. */
  readonly liars?: ReadonlyMap<number, Lie>;
  /** Limits and times of every member's machine; those of daemons by default. */
  readonly config?: MachineConfig;
}

/** What a member does that lies: it tells of a copy that differs, lists what is asked for, and does not deliver, or one message at a time. */
export const LIES = [
  "never serves",
  "invents ids",
  "not found",
  "trickles",
  "garbage",
  "equal root",
  "hangs up",
  "one a page",
  "one of many",
] as const;
export type Lie = (typeof LIES)[number];

/** How long a daemon waits for the bodies it asked for. */
const FETCH_TIMEOUT_MS = 90_000;

/** Many nodes, one clock, one seed. Carries out effects as the daemon does, without bytes and keys. */
export class World {
  readonly clock = new Clock();
  readonly config: MachineConfig;
  readonly random: Random;
  readonly members: Member[] = [];
  readonly traffic = new Traffic();
  readonly reports: { by: Member; report: Report }[] = [];
  readonly published: MessageId[] = [];
  /** Ids of no message, which liars may list again and again. */
  readonly #madeUp: MessageId[] = [];
  /** When each was. */
  readonly #publishedAt = new Map<MessageId, number>();
  readonly #options: WorldOptions;
  readonly #byKey = new Map<PublicKey, Member>();
  /** Members after so many roster entries. */
  readonly #membersAt: ReadonlySet<PublicKey>[] = [new Set()];
  readonly #everAt: ReadonlySet<PublicKey>[] = [new Set()];
  /** Open connections as "lower number:higher number". */
  readonly #connections = new Set<string>();
  readonly #delays = new Map<number, number>();
  #side: (member: Member) => number = () => 0;
  #ids = 0;

  constructor(options: WorldOptions) {
    this.#options = options;
    this.config = options.config ?? MACHINE_DEFAULTS;
    this.random = new SeededRandom(options.seed);
    for (let i = 0; i < options.members; i++) this.#create();
    this.#enroll("add", ...this.members);
    for (const member of this.members) {
      member.rosterLength = this.#rosterLength;
      // Processes do not start in the same instant.
      this.clock.after(this.random.between(0, 1000), () => this.#tellMembers(member));
    }
  }

  get #rosterLength(): number {
    return this.#membersAt.length - 1;
  }

  get founder(): Member {
    return this.members[0]!;
  }

  headAt(length: number): RosterEntryId {
    return RosterEntryId.fromHex(length.toString(16).padStart(64, "0"));
  }

  membersAt(length: number): ReadonlySet<PublicKey> {
    return this.#membersAt[length]!;
  }

  everMembersAt(length: number): ReadonlySet<PublicKey> {
    return this.#everAt[length]!;
  }

  /** The founder adds a node, which starts with the roster and without messages, as after a join. */
  join(): Member {
    const member = this.#create();
    this.#changeRoster("add", member);
    member.rosterLength = this.#rosterLength;
    this.#tellMembers(member);
    return member;
  }

  remove(member: Member): void {
    this.#changeRoster("remove", member);
  }

  /** A member writes a message and stores it. */
  publish(author: Member = this.random.pick(this.members.filter((m) => m.alive))!): MessageId {
    const id = this.randomId();
    const message: SimMessage = {
      id,
      author: author.key,
      authorNumber: author.number + 1,
      timestamp: this.clock.nowMs,
      parents: author.nextParents(),
    };
    author.add(message, 0);
    this.published.push(id);
    this.#publishedAt.set(id, message.timestamp);
    this.tell(author, { kind: "stored", ids: [id], from: undefined, via: "publish" });
    return id;
  }

  randomId(): MessageId {
    const tail = (this.#ids++).toString(16).padStart(8, "0");
    let hex = "";
    while (hex.length < 56)
      hex += Math.floor(this.random.next() * 0x1_0000_0000)
        .toString(16)
        .padStart(8, "0");
    return MessageId.fromHex(hex + tail);
  }

  /** Cuts every connection between members that `side` tells apart, and refuses new ones. */
  partition(side: (member: Member) => number = (member) => member.number % 2): void {
    this.#side = side;
    for (const pair of this.#connections) {
      const [a, b] = this.#pair(pair);
      if (this.#isCut(a, b)) this.#disconnect(a, b);
    }
  }

  heal(): void {
    this.#side = () => 0;
  }

  stop(member: Member): void {
    member.alive = false;
    for (const pair of this.#connections) {
      const [a, b] = this.#pair(pair);
      if (a === member || b === member) this.#disconnect(a, b);
    }
    member.life += 1;
  }

  /** A new process over the same disk. */
  restart(member: Member): void {
    this.stop(member);
    member.alive = true;
    member.restart(this.random.fork());
    this.#tellMembers(member);
  }

  runFor(ms: number): void {
    this.clock.runUntil(this.clock.nowMs + ms);
  }

  /** Runs until `done`, looked at every 100 ms. Gives the virtual time it took; `Infinity` past `atMostMs`. */
  runUntil(done: () => boolean, atMostMs: number): number {
    const startMs = this.clock.nowMs;
    while (this.clock.nowMs - startMs < atMostMs) {
      this.runFor(100);
      if (done()) return this.clock.nowMs - startMs;
    }
    return Number.POSITIVE_INFINITY;
  }

  /** All current members that run hold the same, with equal roots, and everything published by `published`. */
  converged(): boolean {
    const now = this.membersAt(this.#rosterLength);
    const running = this.members.filter((member) => member.alive && now.has(member.key));
    const first = running[0]!;
    if (first.size < this.published.length) return false;
    if (running.some((member) => member.size !== first.size)) return false;
    return running.every((member) => member.merkleRoot() === first.merkleRoot() && member.head === first.head);
  }

  /** All current members that run hold the same: what a removed one wrote last may have reached nobody. */
  rootsMeet(): boolean {
    const now = this.membersAt(this.#rosterLength);
    const [first, ...others] = this.members.filter((member) => member.alive && now.has(member.key));
    return others.every((member) => member.merkleRoot() === first!.merkleRoot() && member.head === first!.head);
  }

  /** Each holds of everything published what it keeps, and nothing else. */
  keepsWhatItWants(): boolean {
    return this.members.every(({ messages, wantedFromMs }) => {
      const wanted = this.published.filter((id) => this.#publishedAt.get(id)! >= wantedFromMs);
      return wanted.length === messages.size && wanted.every((id) => messages.has(id));
    });
  }

  /** Hands a member an event and carries out what it answers. */
  tell(member: Member, event: Event): void {
    if (!member.alive) return;
    for (const effect of member.machine.handle(event, steadyMs(this.clock.nowMs))) this.#carryOut(member, effect);
  }

  #carryOut(member: Member, effect: Effect): void {
    const { life } = member;
    if (this.#lieOf(member) !== undefined && effect.kind !== "schedule") return;
    switch (effect.kind) {
      case "schedule":
        this.clock.after(effect.afterMs, () => {
          if (member.life === life) this.tell(member, { kind: "timer", timer: effect.timer });
        });
        return;
      case "report":
        this.reports.push({ by: member, report: effect.report });
        return;
      case "recheck":
        for (const held of effect.messages) {
          this.#commit(member, held.from, [this.#decode(held.canonical)], 1, "push");
        }
        return;
      default:
        this.#overNetwork(member, effect);
    }
  }

  #overNetwork(sender: Member, effect: NetworkEffect): void {
    const peer = this.#byKey.get(effect.kind === "fetch" ? effect.from : effect.to);
    const { life } = sender;
    const fail = (failure: NetworkFailure, afterMs: number): undefined => {
      this.clock.after(afterMs, () => {
        if (sender.life === life) this.tell(sender, { kind: "failed", effect, failure });
      });
    };
    if (peer === undefined || !this.#connect(sender, peer)) {
      fail("unreachable", this.random.between(500, 3000));
      return;
    }
    this.traffic.sent(sender.key, effect);
    const isAsk = effect.kind === "fetch" || effect.kind.startsWith("ask_");
    if (this.random.chance(this.#options.loss ?? 0)) {
      if (isAsk) fail("timeout", 5000);
      else if (this.random.chance(0.5)) fail("unreachable", 1000);
      return;
    }
    const peerLife = peer.life;
    this.clock.after(this.#delay(sender, peer), () => {
      if (peer.life !== peerLife || this.#isCut(sender, peer)) return fail("unreachable", 1000);
      if (!this.membersAt(peer.rosterLength).has(sender.key)) {
        // A stranger's stream is closed: noticed only by who waits for an answer.
        if (isAsk) fail("refused", 10);
        return;
      }
      const lie = this.#lieOf(peer);
      if (lie !== undefined && isAsk && effect.kind !== "ask_roster") {
        this.clock.after(this.#delay(peer, sender), () => {
          if (sender.life === life && !this.#isCut(sender, peer)) this.#lieTo(sender, peer, lie, effect, fail);
        });
        return;
      }
      const answer = this.#receive(peer, sender, effect);
      if (answer === undefined) return;
      if (this.random.chance(this.#options.loss ?? 0)) return fail("timeout", 5000);
      this.clock.after(this.#delay(peer, sender), () => {
        if (sender.life !== life) return;
        if (this.#isCut(sender, peer)) return fail("unreachable", 1000);
        answer();
      });
    });
  }

  /** A frame arrives at `peer`. Gives what happens at the asker when the answer is there; `undefined` for one-way frames. */
  #receive(peer: Member, sender: Member, effect: NetworkEffect): (() => void) | undefined {
    const from = sender.key;
    switch (effect.kind) {
      case "push": {
        const messages = effect.ids.map((id) => sender.messages.get(id)).filter((message) => message !== undefined);
        const hops = 1 + Math.max(0, ...messages.map((message) => sender.hops.get(message.id) ?? 0));
        this.traffic.body(messages.length);
        this.#commit(peer, from, messages, hops, "push");
        return undefined;
      }
      case "ihave":
      case "graft":
        this.tell(peer, { kind: effect.kind, from, ids: effect.ids });
        return undefined;
      case "prune":
        this.tell(peer, { kind: "prune", from });
        return undefined;
      case "push_roster":
        this.#applyRoster(peer, sender, sender.rosterLength);
        return undefined;
      case "ask_roster": {
        const length = peer.rosterLength;
        return () => this.#applyRoster(sender, peer, length);
      }
      case "ask_forks":
      case "push_forks":
        // Its one roster log has none.
        throw new Error("nobody has forks to ask for");
      case "ask_status": {
        if (this.#options.statusBothWays ?? true)
          this.tell(peer, { kind: "status", from, status: statusOf(sender), isQuestion: true });
        const status = statusOf(peer, sender.wantedFromMs);
        return () => this.tell(sender, { kind: "status", from: peer.key, status });
      }
      case "ask_ids": {
        const limit = Math.min(this.#options.pageMax ?? effect.limit, effect.limit);
        const page = peer.idsAfter(effect.after, limit);
        this.traffic.ids(page.ids.length);
        return () => this.tell(sender, { kind: "ids_page", from: peer.key, ...page });
      }
      case "fetch": {
        const held = effect.ids.map((id) => peer.messages.get(id)).filter((message) => message !== undefined);
        const unknown = effect.ids.filter((id) => !peer.has(id));
        this.traffic.body(held.length);
        return () => {
          const wanted = held.filter(({ timestamp }) => timestamp >= sender.wantedFromMs);
          const refused = held.filter((message) => !wanted.includes(message)).map(({ id }) => id);
          const stored = this.#store(sender, peer.key, wanted, 1, effect.via);
          const { ids, via } = effect;
          this.tell(sender, { kind: "fetched", from: peer.key, via, ids, stored, unknown, refused });
        };
      }
    }
  }

  #lieOf(member: Member): Lie | undefined {
    return this.#options.liars?.get(member.number);
  }

  /** What `asker` hears of a member that lies, in the place of an answer. */
  #lieTo(
    asker: Member,
    liar: Member,
    lie: Lie,
    effect: NetworkEffect,
    fail: (failure: NetworkFailure, afterMs: number) => undefined,
  ): void {
    const from = liar.key;
    if (effect.kind === "ask_status") {
      const shown = lie === "equal root" ? asker : this.founder;
      const status = statusOf(shown, asker.wantedFromMs);
      const root = MerkleRoot.fromHex(this.randomId());
      this.tell(asker, {
        kind: "status",
        from,
        status: lie === "equal root" ? status : { ...status, merkle_root: root, message_count: 1_000_000 },
      });
    } else if (effect.kind === "ask_ids") {
      if (lie !== "invents ids" && lie !== "one of many") {
        const limit = lie === "one a page" ? 1 : effect.limit;
        this.tell(asker, { kind: "ids_page", from, ...this.founder.idsAfter(effect.after, limit) });
        return;
      }
      const made = lie === "one of many" ? this.#madeUp : [];
      const ids = Array.from({ length: effect.limit }, (_, at) => (made[at] ??= this.randomId()));
      if (lie === "one of many") {
        // The founder's, one in each fetch of the largest size.
        const first = Number(effect.after?.timestamp ?? 0n) * 8;
        for (let at = 0; at < 8; at++) ids[at * 512] = this.published[first + at] ?? ids[at * 512]!;
      }
      const next = { timestamp: (effect.after?.timestamp ?? 0n) + 1n, author_node_id: 1, id: ids.at(-1)! };
      this.tell(asker, { kind: "ids_page", from, ids, next });
    } else if (effect.kind === "fetch") {
      const { ids, via } = effect;
      const nothing = { kind: "fetched", from, via, ids, stored: [], unknown: [], refused: [] } as const;
      if (lie === "not found") this.tell(asker, { ...nothing, unknown: ids });
      else if (lie === "garbage") this.tell(asker, { ...nothing, refused: ids });
      else if (lie === "trickles") this.#trickle(asker, liar, effect, fail);
      else if (lie === "one a page" || lie === "one of many") {
        const held = ids.map((id) => this.founder.messages.get(id)).filter((message) => message !== undefined);
        const { life } = asker;
        this.clock.after(400, () => {
          if (asker.life !== life) return;
          const stored = this.#store(asker, from, held, 1, via);
          this.tell(asker, { ...nothing, stored, unknown: ids.filter((id) => !this.founder.has(id)) });
        });
      } else if (lie === "hangs up") {
        this.#disconnect(asker, liar);
        fail("unreachable", 10);
        this.clock.after(500, () => this.#connect(liar, asker));
      } else fail("timeout", FETCH_TIMEOUT_MS);
    }
  }

  /** One message every 900 ms, as long as the asker waits. */
  #trickle(
    asker: Member,
    liar: Member,
    effect: Extract<NetworkEffect, { kind: "fetch" }>,
    fail: (failure: NetworkFailure, afterMs: number) => undefined,
  ): void {
    const { life } = asker;
    effect.ids.forEach((id, at) => {
      const message = this.founder.messages.get(id);
      if (message === undefined || at * 900 >= FETCH_TIMEOUT_MS) return;
      this.clock.after(900 * (at + 1), () => {
        if (asker.life === life) this.#store(asker, liar.key, [message], 1, effect.via);
      });
    });
    fail("timeout", FETCH_TIMEOUT_MS);
  }

  /** Verification and commit take a moment, in which a second copy may arrive. */
  #commit(member: Member, from: PublicKey, messages: readonly SimMessage[], hops: number, via: Via): void {
    const { life } = member;
    this.clock.after(this.random.between(1, 5), () => {
      if (member.life === life) this.#store(member, from, messages, hops, via);
    });
  }

  #store(
    member: Member,
    from: PublicKey,
    messages: readonly SimMessage[],
    hops: number,
    via: Via,
  ): readonly MessageId[] {
    const stored: MessageId[] = [];
    const apart: MessageId[] = [];
    const known: MessageId[] = [];
    const members = this.membersAt(member.rosterLength);
    for (const message of messages) {
      if (member.has(message.id)) known.push(message.id);
      else if (!member.knowsAuthor(message.author)) {
        const canonical = new TextEncoder().encode(JSON.stringify(message));
        this.tell(member, { kind: "unknown_author", from, id: message.id, author: message.author, canonical });
      } else if (message.timestamp >= member.wantedFromMs) {
        const isOutsider = !members.has(message.author);
        member.add(message, hops, isOutsider);
        (isOutsider ? apart : stored).push(message.id);
      }
    }
    if (stored.length > 0) this.tell(member, { kind: "stored", ids: stored, from, via });
    if (apart.length > 0) this.tell(member, { kind: "stored", ids: apart, from, via, apart: true });
    if (known.length > 0 && via === "push") this.tell(member, { kind: "duplicate", from, ids: known });
    return [...stored, ...apart];
  }

  #decode(canonical: Uint8Array): SimMessage {
    return JSON.parse(new TextDecoder().decode(canonical)) as SimMessage;
  }

  #applyRoster(member: Member, peer: Member, length: number): void {
    const before = member.rosterLength;
    if (length > before) {
      member.rosterLength = length;
      this.#tellMembers(member);
    }
    const outcome = length > before ? "extended" : length === before ? "same" : "behind";
    this.tell(member, { kind: "roster", from: peer.key, outcome });
  }

  #tellMembers(member: Member): void {
    this.tell(member, { kind: "members", members: this.membersAt(member.rosterLength) });
  }

  #create(): Member {
    const number = this.members.length;
    const key = PublicKey.fromHex(this.randomId());
    const member = new Member(this, key, number, this.random.fork());
    this.members.push(member);
    this.#byKey.set(key, member);
    return member;
  }

  /** One roster entry; the first stands for all founding members. */
  #enroll(op: "add" | "remove", ...subjects: Member[]): void {
    const members = new Set(this.#membersAt.at(-1));
    const ever = new Set(this.#everAt.at(-1));
    for (const { key } of subjects) {
      if (op === "add") members.add(key);
      else members.delete(key);
      ever.add(key);
    }
    this.#membersAt.push(members);
    this.#everAt.push(ever);
  }

  #changeRoster(op: "add" | "remove", member: Member): void {
    this.#enroll(op, member);
    this.founder.rosterLength = this.#rosterLength;
    this.#tellMembers(this.founder);
    this.tell(this.founder, { kind: "roster", from: undefined, outcome: "extended" });
  }

  #connect(a: Member, b: Member): boolean {
    if (!a.alive || !b.alive || a === b || this.#isCut(a, b)) return false;
    const pair = pairOf(a, b);
    if (this.#connections.has(pair)) return true;
    this.#connections.add(pair);
    this.traffic.connections += 1;
    const lives = [a.life, b.life];
    this.clock.after(this.#delay(a, b), () => {
      if (a.life !== lives[0] || b.life !== lives[1] || !this.#connections.has(pair)) return;
      if (this.membersAt(a.rosterLength).has(b.key)) this.tell(a, { kind: "peer", peer: b.key, connected: true });
      if (this.membersAt(b.rosterLength).has(a.key)) this.tell(b, { kind: "peer", peer: a.key, connected: true });
    });
    return true;
  }

  #disconnect(a: Member, b: Member): void {
    this.#connections.delete(pairOf(a, b));
    this.tell(a, { kind: "peer", peer: b.key, connected: false });
    this.tell(b, { kind: "peer", peer: a.key, connected: false });
  }

  #pair(pair: string): [Member, Member] {
    const [a, b] = pair.split(":").map(Number);
    return [this.members[a!]!, this.members[b!]!];
  }

  #isCut(a: Member, b: Member): boolean {
    if (this.#side(a) !== this.#side(b)) return true;
    const isPair = ([one, other]: readonly [number, number]): boolean =>
      (one === a.number && other === b.number) || (one === b.number && other === a.number);
    return this.#options.unreachable?.some(isPair) ?? false;
  }

  #delay(a: Member, b: Member): number {
    const [lo, hi] = this.#options.delayMs ?? [5, 150];
    const pair = Math.min(a.number, b.number) * 65_536 + Math.max(a.number, b.number);
    let base = this.#delays.get(pair);
    if (base === undefined) {
      base = this.random.between(lo, hi);
      this.#delays.set(pair, base);
    }
    return base + this.random.between(0, Math.ceil(base / 5));
  }
}

function pairOf(a: Member, b: Member): string {
  return a.number < b.number ? `${a.number}:${b.number}` : `${b.number}:${a.number}`;
}

/** `sharedMs`: from when on the other side compares at the earliest. */
function statusOf(member: Member, sharedMs = 0): CopyStatus {
  const sinceMs = Math.max(member.wantedFromMs, sharedMs);
  return {
    pruned_to_ms: member.wantedFromMs,
    shared_since_ms: sinceMs,
    shared_root: sinceMs === 0 ? MerkleRoot.zero : member.sharedSince(sinceMs).root,
    shared_count: sinceMs === 0 ? 0 : member.sharedSince(sinceMs).count,
    now_ms: 1,
    roster_head: member.head,
    roster_length: member.length,
    merkle_root: member.merkleRoot(),
    message_count: member.size,
  };
}
