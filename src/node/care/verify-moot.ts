import type { Clock } from "../../core/clock.ts";
import { EntmootError } from "../../core/errors.ts";
import { type GroupId, MerkleRoot, type MessageId } from "../../core/ids.ts";
import { factsOf, refusedUnsigned } from "../../core/kept.ts";
import { MessageSet } from "../../core/order/message-set.ts";
import type { TimePlace } from "../../core/order/time-place.ts";
import { PolicyHistory } from "../../core/policy/policy-history.ts";
import { memberProfileAdSigningForm } from "../../core/record/member-profile-ad.ts";
import { decodeMessageForms } from "../../core/record/message.ts";
import { isNoteSigned } from "../../core/record/note.ts";
import type { NodeInfo } from "../../core/record/records.ts";
import { transportAdSigningForm } from "../../core/record/transport-ad.ts";
import { explainRejection } from "../../core/roster/roster-rejection.ts";
import { verifySignature } from "../../core/signature.ts";
import type { StoredMessage } from "../../store/group-store.ts";
import type { Group } from "../group/group.ts";
import { groupName } from "../group/group-name.ts";
import { verifyElsewhere } from "../group/signature-pool.ts";
import { FirstRoster } from "../join/first-roster.ts";
import { keptMootName } from "../kept-names.ts";
import type { NodeContext } from "../node-context.ts";
import { FAULTS_TOLD_MAX, type VerifiedMoot, type VerifyProgress } from "../operations/care.ts";
import type { Call } from "../operations/implementation.ts";
import { Turns } from "../turns.ts";
import { SignatureChecks } from "./signature-checks.ts";

/** Ours. Messages read in one turn: some three milliseconds. */
const STEP_MESSAGES = 64;

type MootFault = VerifiedMoot["faults"][number];

/** Looks at one moot after the other. */
export async function verifyMoots(
  context: NodeContext,
  { group_id }: { readonly group_id?: GroupId | undefined },
  call: Call<VerifyProgress>,
): Promise<{ moots: VerifiedMoot[] }> {
  const unopened = [...context.unopened()].filter(([id]) => group_id === undefined || id === group_id);
  const groups =
    group_id === undefined ? context.groups() : unopened.length > 0 ? [] : [context.requireGroup(group_id)];
  const moots: VerifiedMoot[] = unopened.map(([id, { message }]) => {
    const faults = [{ what: "unreadable", message_id: undefined, fault: message }] as const;
    const name = keptMootName(context.root.node, id) ?? "";
    return { group_id: id, name, sound: false, ...NOTHING_READ, faults, more_faults: 0 };
  });
  for (const group of groups) moots.push(await new MootCheck(context.clock, group, call).run());
  return { moots };
}

const NOTHING_READ = { entries: 0, messages: 0, merkle_root: undefined };
/** What is held is held to its policy by the group itself. */
const ANY_POLICY = new PolicyHistory(undefined);

/** Looks at all that is kept of one moot, a little at a time. */
class MootCheck {
  readonly #group: Group;
  readonly #call: Call<VerifyProgress>;
  readonly #turns: Turns;
  readonly #set = new MessageSet(crypto.getRandomValues(new Uint32Array(1))[0]!);
  readonly #faults: MootFault[] = [];
  #more = 0;
  #entries = 0;
  readonly #checks = new SignatureChecks();
  #isFull = false;

  constructor(clock: Clock, group: Group, call: Call<VerifyProgress>) {
    this.#group = group;
    this.#call = call;
    this.#turns = new Turns(clock);
  }

  async run(): Promise<VerifiedMoot> {
    const { id, store } = this.#group;
    const isRead = await this.#readable(async () => {
      await this.#roster();
      await this.#messages();
      await this.#log();
      await this.#root();
      await this.#saidOfThemselves();
    });
    await this.#checks.settled();
    return {
      group_id: id,
      name: groupName(store),
      sound: this.#faults.length === 0,
      entries: this.#entries,
      messages: this.#set.size,
      merkle_root: isRead ? this.#set.root() : undefined,
      faults: this.#faults,
      more_faults: this.#more,
    };
  }

  #fault(what: MootFault["what"], fault: string, message_id?: MessageId): void {
    if (this.#faults.length >= FAULTS_TOLD_MAX) this.#more += 1;
    else this.#faults.push({ what, message_id, fault });
  }

  async #take(): Promise<void> {
    await this.#turns.take();
    this.#call.signal.throwIfAborted();
  }

  /** A file that cannot be read on is told; that the call is over is not. */
  async #readable(work: () => Promise<void>): Promise<boolean> {
    try {
      await work();
      return true;
    } catch (error) {
      if (!(error instanceof EntmootError) || this.#call.signal.aborted) throw error;
      this.#fault("unreadable", error.message);
      return false;
    }
  }

  /** As it is on the disk, not as it is followed. */
  async #roster(): Promise<void> {
    const { roster, store } = this.#group;
    const first = new FirstRoster(this.#turns);
    await this.#take();
    const entries = store.roster.entries();
    const isWhole = await first.take(entries);
    this.#entries = first.length;
    if (!isWhole) {
      const which = `entry ${first.length + 1} of ${entries.length}`;
      this.#fault("roster", `${which}: ${explainRejection(first.stopped!)}`);
    } else if (entries.length < roster.length) {
      this.#fault("roster", `expected ${roster.length} entries, found ${entries.length}`);
    }
  }

  /** Along the index of times: each message that stands in it, and that it stands where it says itself. */
  async #messages(): Promise<void> {
    const { messages } = this.#group.store;
    let after: TimePlace | undefined;
    for (;;) {
      await this.#take();
      const places = messages.placesAfter(after, STEP_MESSAGES);
      if (places.length === 0) break;
      for (const place of places) this.#placed(place);
      // Messages come in time order, so little of the tree is hashed twice.
      this.#set.root();
      after = places.at(-1);
      if (this.#isFull) {
        this.#isFull = false;
        await this.#checks.room();
        await this.#call.emit({ group_id: this.#group.id, done: this.#set.size, total: messages.size });
      }
    }
  }

  #placed(place: TimePlace): void {
    const { messages } = this.#group.store;
    const { id } = place;
    let stored: StoredMessage | undefined;
    try {
      stored = messages.get(id);
    } catch (error) {
      if (!(error instanceof EntmootError)) throw error;
      this.#fault("message", error.message, id);
      return;
    }
    // Removed since the index was read.
    if (stored === undefined) {
      if (messages.has(id)) this.#fault("index", "stands in the index of times and cannot be read by its id", id);
      return;
    }
    const said = this.#look(stored);
    if (said === undefined) return;
    if (said.timestamp === place.timestamp && said.author === place.author_node_id) return;
    this.#fault(
      "index",
      `stands at ${place.timestamp} by ${place.author_node_id} in the index of times, and says ${said.timestamp} by ${said.author}`,
      id,
    );
  }

  /** What it says of its place in time; `undefined` where it is none. */
  #look({ canonical, id, seq }: StoredMessage): { timestamp: bigint; author: number } | undefined {
    const { id: groupId, roster, store } = this.#group;
    let forms: ReturnType<typeof decodeMessageForms>;
    try {
      forms = decodeMessageForms(canonical);
    } catch (error) {
      if (!(error instanceof EntmootError)) throw error;
      this.#fault("message", error.message, id);
      return undefined;
    }
    const { message, signing } = forms;
    const { author, parents, timestamp } = message;
    const facts = factsOf(message, { canonical, signing });
    const refused = refusedUnsigned(facts, roster.log, ANY_POLICY);
    if (Buffer.compare(forms.canonical, canonical) !== 0) this.#fault("message", "is not as it was stored", id);
    else if (message.id !== id) this.#fault("message", `has another id in it, ${message.id}`, id);
    else if (message.group_id !== groupId) this.#fault("message", "is one of another moot", id);
    else if (refused !== undefined) this.#fault("message", refused.reason, id);
    else if (seq > 0 && store.messages.numberOf(id)?.seq !== seq) this.#fault("log", `has not its number ${seq}`, id);
    else {
      const keys = roster.log.authorKeys(author);
      const check = this.#signed({ id, keys, signing, signature: message.signature, author });
      if (this.#checks.add(check)) this.#isFull = true;
      this.#set.add({ id, timestamp, author: author.pilot_node_id, parents });
      return { timestamp, author: author.pilot_node_id };
    }
    return undefined;
  }

  async #signed({ author, id, keys, signature, signing }: Signed): Promise<void> {
    for (const key of keys) if (await verifyElsewhere({ bytes: signing, key, signature })) return;
    const whose =
      keys.length === 0 ? `${author.pilot_node_id} is not in the roster` : "it does not hold under its author's key";
    this.#fault("message", `signature: ${whose}`, id);
  }

  /** Along the log: all that was read stands in it, and what came meanwhile is looked at too. */
  async #log(): Promise<void> {
    const { messages } = this.#group.store;
    let after = Number.MIN_SAFE_INTEGER;
    for (;;) {
      await this.#take();
      const rows = messages.lengthsAfter(after, STEP_MESSAGES * 4);
      if (rows.length === 0) break;
      for (const { id } of rows) {
        if (this.#set.has(id) || this.#isTold(id)) continue;
        const stored = messages.get(id);
        if (stored !== undefined) this.#look(stored);
        else if (messages.has(id)) this.#fault("index", "stands in the log and cannot be read by its id", id);
      }
      after = rows.at(-1)!.seq;
    }
  }

  #isTold(id: MessageId): boolean {
    return this.#faults.some(({ message_id }) => message_id === id);
  }

  /** Over all that was read, beside the one that members are told. */
  async #root(): Promise<void> {
    const { store } = this.#group;
    if (this.#faults.length > 0) return;
    const pruned = store.messages.pruned;
    await this.#group.ordered("root");
    await this.#take();
    // What was stored in these turns.
    let after = store.messages.lastSeq();
    for (const { id, ...rest } of store.messages.arrivedAfter(Math.max(0, after - STEP_MESSAGES), STEP_MESSAGES)) {
      if (!this.#set.has(id)) this.#look({ id, ...rest });
      after = rest.seq;
    }
    const { size } = store.messages;
    const [found, told] = [this.#set.root(), store.messages.merkleRoot()];
    if (found === told || pruned !== store.messages.pruned) return;
    if (size !== this.#set.size) this.#fault("order", `expected ${size} messages, found ${this.#set.size}`);
    else {
      const [a, b] = [told, found].map((root) => MerkleRoot.toBase64(root));
      this.#fault("root", `members are told ${a}, and what is held has ${b}`);
    }
  }

  /** Advertisements and notes: each is replaced by its author's next. */
  async #saidOfThemselves(): Promise<void> {
    const { roster, store } = this.#group;
    const byMember = (author: NodeInfo, signing: Uint8Array, signature: Uint8Array) =>
      roster.log.authorKeys(author).some((key) => verifySignature(key, signing, signature));
    for (const ad of store.ads.transportAds()) {
      await this.#take();
      if (!byMember(ad.author, transportAdSigningForm(ad), ad.signature)) this.#badAd("address", ad.author);
    }
    for (const ad of store.ads.profileAds()) {
      await this.#take();
      if (!byMember(ad.author, memberProfileAdSigningForm(ad), ad.signature)) this.#badAd("profile", ad.author);
    }
    for (const note of [...store.notes.all()]) {
      await this.#take();
      if (!isNoteSigned(note)) this.#fault("note", `${note.kind} of ${note.author}: its signature does not hold`);
    }
  }

  #badAd(what: string, { pilot_node_id }: NodeInfo): void {
    this.#fault("ad", `${what} of ${pilot_node_id}: its signature does not hold under a key of that member`);
  }
}

interface Signed {
  readonly id: MessageId;
  readonly author: NodeInfo;
  readonly keys: readonly Uint8Array[];
  readonly signing: Uint8Array;
  readonly signature: Uint8Array;
}
