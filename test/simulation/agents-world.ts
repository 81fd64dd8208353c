import { runBridge } from "../../src/agent/bridge.ts";
import {
  type FoundInHost,
  type Handed,
  type Handing,
  type HostDoor,
  NOT_OURS,
  type SoughtInHost,
} from "../../src/agent/door.ts";
import { EntmootError } from "../../src/core/errors.ts";
import type { MessageId } from "../../src/core/ids.ts";
import { createLog } from "../../src/host/log.ts";
import { type Random, SeededRandom } from "../../src/machine/random.ts";
import { deliveries } from "../../src/node/operations/listen.ts";
import type { AnswerOf, Loose, Operation, Operations } from "../../src/node/operations/operation.ts";
import { pause } from "../../src/transport/wait.ts";
import { asAgent } from "../support/agent.ts";
import { NoteWorld } from "../support/note-world.ts";

const STEP_MS = 250;
const SETTLED_EVERY_MS = 5_000;

/** The node whose agents they are. */
const AGENTS = 2;

const NEVER = new Promise<never>(() => {});

/** What of a host outlives its processes: of each conversation, which messages stand in it, as often as they became a turn. */
export class HostRecords {
  readonly turns = new Map<string, MessageId[]>();
}

/** A kind of host, and one installation of it on this machine. */
export interface HostKind {
  readonly host: string;
  readonly instance: string;
  readonly records: HostRecords;
  /** Whether a bridge sees the records of all conversations, or of the one it is asked about. */
  readonly seesAll: boolean;
}

interface Process {
  isDead: boolean;
}

/** One conversation in a host that runs; a message is given to it once it took the bytes, and a moment later it is on record. */
class Session implements Process {
  isDead = false;
  readonly kind: HostKind;
  readonly agent: string;

  constructor(kind: HostKind, agent: string) {
    this.kind = kind;
    this.agent = agent;
    if (!kind.records.turns.has(agent)) kind.records.turns.set(agent, []);
  }

  get record(): MessageId[] {
    return this.kind.records.turns.get(this.agent)!;
  }
}

/** A bridge as a process: what dies does nothing more, not even tidy up. */
class Bridge implements Process, HostDoor {
  isDead = false;
  readonly name: string;
  readonly canLook = true;
  readonly end = new AbortController();
  readonly lost = new Set<AbortController>();
  readonly session: Session;
  readonly #world: AgentsWorld;
  readonly #random: Random;

  constructor(world: AgentsWorld, session: Session, random: Random) {
    this.#world = world;
    this.session = session;
    this.name = session.kind.host;
    this.#random = random;
  }

  async hand({ ids, mayGive }: Handing, signal: AbortSignal): Promise<Handed> {
    // A host that is at work is waited for, whatever becomes of the node meanwhile.
    await this.#wait(this.#random.chance(0.3) ? this.#random.between(5_000, 60_000) : this.#random.between(0, 800));
    if (this.#random.chance(0.1)) return { level: "later", reason: "its user is typing" };
    if (!(await mayGive())) return NOT_OURS;
    await this.#alive();
    await this.#wait(this.#random.between(0, 500));
    const { session } = this;
    if (session.isDead) throw new EntmootError("unavailable", "the host is gone");
    this.#world.clock.after(this.#random.between(1, 600), () => {
      if (!session.isDead) session.record.push(...ids);
    });
    for (let looked = 0; looked < 8; looked++) {
      await this.#wait(250);
      if (ids.every((id) => session.record.includes(id))) return { level: "read", evidence: "on record" };
      if (signal.aborted) break;
    }
    throw new EntmootError("unavailable", "what became of it is not known");
  }

  async look({ agent, ids }: SoughtInHost): Promise<ReadonlyMap<MessageId, FoundInHost>> {
    await this.#wait(250);
    const { records, seesAll } = this.session.kind;
    const seen = seesAll ? [...records.turns.values()].flat() : records.turns.get(agent);
    const of = (id: MessageId): FoundInHost =>
      seen === undefined ? "unknown" : seen.includes(id) ? "present" : "absent";
    return new Map(ids.map((id) => [id, of(id)]));
  }

  async [Symbol.asyncDispose](): Promise<void> {}

  /** A connection to the node, which a kill and the node's end break. */
  open(): Operations {
    const node = this.#world.nodeNow();
    if (node === undefined) throw new EntmootError("control_unavailable", "no daemon runs");
    const inner = asAgent(node);
    const lost = new AbortController();
    this.lost.add(lost);
    const broken = new Promise<never>((_, reject) => {
      lost.signal.addEventListener("abort", () => reject(new EntmootError("unavailable", "the connection ended")));
    });
    broken.catch(() => {});
    return {
      call: async (operation, request, options = {}) => {
        await this.#alive();
        if (lost.signal.aborted) return await this.#again(operation, request);
        const signal = options.signal === undefined ? lost.signal : AbortSignal.any([options.signal, lost.signal]);
        const answer = inner.call(operation, request, { ...options, signal });
        answer.catch(() => {});
        const settled = await Promise.race([answer, broken]);
        await this.#alive();
        return settled;
      },
      [Symbol.asyncDispose]: async () => {
        lost.abort();
      },
    };
  }

  /** A client whose connection ended makes another for its next call, once a daemon runs. */
  async #again<Request, Answer, Event>(operation: Operation<Request, Answer, Event>, request: Loose<Request>) {
    const node = this.#world.nodeNow();
    if (node === undefined || operation.name === "listen") {
      throw new EntmootError("unavailable", "the connection ended");
    }
    return await asAgent(node).call(operation, request);
  }

  breakConnection(): void {
    for (const each of this.lost) each.abort();
    this.lost.clear();
  }

  kill(): void {
    this.isDead = true;
    this.breakConnection();
    this.end.abort();
  }

  async #wait(ms: number): Promise<void> {
    await pause(this.#world.clock, Math.max(1, ms));
    await this.#alive();
  }

  async #alive(): Promise<void> {
    if (this.isDead) await NEVER;
  }
}

/** A node with several hosts in one voice, whose parts die at random. */
export class AgentsWorld implements AsyncDisposable {
  readonly random: Random;
  readonly kinds: readonly HostKind[];
  readonly said: MessageId[] = [];
  readonly #notes: NoteWorld;
  #bridges: Bridge[] = [];
  #sessions = 0;
  #isUp = true;

  private constructor(notes: NoteWorld, seed: number) {
    this.#notes = notes;
    this.random = new SeededRandom(seed);
    const kind = (host: string, instance: string, seesAll: boolean): HostKind => ({
      host,
      instance,
      records: new HostRecords(),
      seesAll,
    });
    this.kinds = [kind("claude", "home", false), kind("codex", "home", true), kind("codex", "other home", true)];
  }

  static async of(seed: number): Promise<AgentsWorld> {
    return new AgentsWorld(await NoteWorld.of(AGENTS), seed);
  }

  get clock() {
    return this.#notes.clock;
  }

  get bridges(): readonly Bridge[] {
    return this.#bridges;
  }

  get node() {
    return this.#notes.node(AGENTS);
  }

  nodeNow() {
    return this.#isUp ? this.node : undefined;
  }

  /** Often as each message became a turn, of whatever host. */
  turnsOf(id: MessageId): number {
    const all = this.kinds.flatMap(({ records }) => [...records.turns.values()].flat());
    return all.filter((each) => each === id).length;
  }

  async say(): Promise<void> {
    this.said.push(await this.#notes.say(1, `@n${AGENTS} ${this.said.length}`));
  }

  /** A host starts, or one that ended goes on with what it was about; its bridge with it. */
  start(kind: HostKind, agent = `${kind.host} ${this.#sessions++}`): Bridge {
    const bridge = new Bridge(this, new Session(kind, agent), this.random.fork());
    this.#run(bridge);
    return bridge;
  }

  /** The bridge of a host that goes on is another process. */
  startBridge(of: Bridge): void {
    const bridge = new Bridge(this, of.session, this.random.fork());
    this.#run(bridge);
  }

  kill(bridge: Bridge, { andHost }: { readonly andHost: boolean }): void {
    bridge.session.isDead = andHost;
    // What a host started ends with it.
    const ended = this.#bridges.filter((each) => each === bridge || (andHost && each.session === bridge.session));
    for (const each of ended) each.kill();
    this.#bridges = this.#bridges.filter((each) => !ended.includes(each));
  }

  async restartNode(): Promise<void> {
    this.#isUp = false;
    for (const bridge of this.#bridges) bridge.breakConnection();
    await this.#notes.stop(AGENTS);
    await this.#notes.start(AGENTS);
    this.#isUp = true;
  }

  /** In steps so small that what answers in a moment does so in this time too. */
  async pass(ms: number): Promise<void> {
    for (let passed = 0; passed < ms; passed += STEP_MS) await this.#notes.pass(STEP_MS);
  }

  /** Lets time pass until nothing waits for a host, at most so much. */
  async settle(atMostMs: number): Promise<AnswerOf<typeof deliveries>["waiting"]> {
    for (let passed = 0; ; passed += SETTLED_EVERY_MS) {
      const { waiting } = await this.#notes.passing(this.node.call(deliveries, { limit: 500 }));
      if (waiting.length === 0 || passed >= atMostMs) return waiting;
      await this.pass(SETTLED_EVERY_MS);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const bridge of this.#bridges) bridge.kill();
    await this.#notes[Symbol.asyncDispose]();
  }

  #run(bridge: Bridge): void {
    this.#bridges.push(bridge);
    const { agent, kind } = bridge.session;
    const running = runBridge(
      {
        open: async () => bridge.open(),
        door: bridge,
        clock: this.clock,
        log: createLog("error"),
        listen: { agent, host: kind.host, instance: kind.instance, group_id: undefined, can_wake: true },
        ways: { reply: "reply", acknowledge: "ack", read: "read" },
        nonce: () => "00000000",
      },
      bridge.end.signal,
    );
    // Of two bridges of one agent the last counts, and the other ends by it.
    running.catch((error: unknown) => {
      if (!(error instanceof EntmootError && error.code === "conflict")) throw error;
      this.#bridges = this.#bridges.filter((each) => each !== bridge);
    });
  }
}
