import { sizeText } from "../../core/amounts.ts";
import type { ArchiveEnd, ArchiveHead } from "../../core/archive/archive-lines.ts";
import { type ArchiveItem, ArchiveReader } from "../../core/archive/archive-reader.ts";
import { firstAstray } from "../../core/archive/archive-writer.ts";
import type { EntmootError } from "../../core/errors.ts";
import type { MessageId } from "../../core/ids.ts";
import { factsOf, refusedUnsigned } from "../../core/kept.ts";
import { MessageSet } from "../../core/order/message-set.ts";
import { PolicyHistory } from "../../core/policy/policy-history.ts";
import type { Message, NodeInfo, RosterEntry } from "../../core/record/records.ts";
import type { RosterHeal } from "../../core/roster/roster-heal.ts";
import { explainRejection } from "../../core/roster/roster-rejection.ts";
import { SaltedMap } from "../../core/salted-map.ts";
import { MemoryGroupStore } from "../../store/memory/memory-group-store.ts";
import { GroupRoster } from "../group/group-roster.ts";
import { HEALS_MAX, SIDE_BYTES_MAX, SIDE_ENTRIES_MAX, SIDE_ENTRY_BYTES_MAX, sizeOfEntry } from "../group/kept-forks.ts";
import { verifyElsewhere } from "../group/signature-pool.ts";
import { FirstRoster } from "../join/first-roster.ts";
import { JoinRoom } from "../join/join-room.ts";
import type { Turns } from "../turns.ts";
import type { ArchiveFile } from "./archive-file.ts";
import { SignatureChecks } from "./signature-checks.ts";

/** Ours. As many as a join takes. */
const ENTRIES_MAX = 65_536;
/** Ours. What no founder signed yet in a heal: its type and signature have some hundred bytes. */
const HEAL_BYTES_MAX = 1024;
/** Ours. Lines between two looks at whose turn it is. */
const LINES_A_TURN = 16;

/** Where lines of messages stand in the file, and the digest of all of them. */
export interface PartPlace {
  readonly offset: number;
  readonly length: number;
  readonly sha256: string;
}

/** What an archive holds, all of it verified but the size of messages, of which the policy tells where it is taken in. */
export interface VerifiedArchive {
  readonly head: ArchiveHead;
  readonly end: ArchiveEnd;
  readonly roster: GroupRoster;
  readonly parts: readonly PartPlace[];
  /** Whether a message of it is signed by a key. */
  readonly signed: (message: Message, key: Uint8Array) => boolean;
}

interface Verifying {
  readonly turns: Turns;
  readonly signal: AbortSignal;
  /** Told how many bytes were read. */
  readonly onProgress: (bytes: number) => Promise<void>;
}

/** Reads all of an archive. Throws `invalid_argument` naming the line that is not as it was written. */
export async function verifyArchive(file: ArchiveFile, how: Verifying): Promise<VerifiedArchive> {
  const { onProgress, signal, turns } = how;
  const reader = new ArchiveReader();
  const roster = new ArchiveRoster(reader, turns);
  const messages = new ArchiveMessages(reader);
  const parts: PartPlace[] = [];
  let head: ArchiveHead | undefined;
  let end: ArchiveEnd | undefined;
  let partFrom = 0;
  let lines = 0;
  for await (const { bytes, offset } of file.lines()) {
    lines += 1;
    if (lines % LINES_A_TURN === 0) {
      await turns.take();
      signal.throwIfAborted();
    }
    const item = reader.next(bytes);
    switch (item.kind) {
      case "archive":
        head = item.head;
        break;
      case "roster":
        await roster.entry(item.entry);
        break;
      case "side":
        roster.sideEntry(item.entry);
        break;
      case "heal":
        roster.heal(item.heal);
        break;
      case "message":
        await messages.add(item, await roster.whole(head!));
        break;
      case "part":
        messages.endPart();
        parts.push({ offset: partFrom, length: offset - partFrom, sha256: item.sha256 });
        partFrom = offset + bytes.length;
        await onProgress(partFrom);
        break;
      default:
        end = item.end;
    }
  }
  reader.requireEnd();
  const whole = await roster.whole(head!);
  const signers = await messages.end(end!);
  if (end!.roster_head !== whole.head || end!.roster_entries !== whole.length) {
    throw reader.refusal("its roster is not the one of the lines before it");
  }
  return {
    head: head!,
    end: end!,
    roster: whole,
    parts,
    signed: (message, key) => isSigner(signers, message, key),
  };
}

function isSigner(
  signers: Pick<SaltedMap<MessageId, string>, "get" | "size">,
  message: Message,
  key: Uint8Array,
): boolean {
  const other = signers.size === 0 ? undefined : signers.get(message.id);
  return other === undefined ? isNamed(message, key) : other === key.toHex();
}

/** Whether it is the key that the message names. */
function isNamed({ author: { entmoot_pubkey: named } }: Message, key: Uint8Array): boolean {
  return named !== null && Buffer.compare(named, key) === 0;
}

/** The roster of an archive, looked at entry by entry. */
class ArchiveRoster {
  readonly #reader: ArchiveReader;
  readonly #turns: Turns;
  readonly #first: FirstRoster;
  /** As much as a join takes. */
  readonly #room = new JoinRoom().part();
  readonly #side: RosterEntry[] = [];
  #sideBytes = 0;
  readonly #heals: RosterHeal[] = [];
  #whole: GroupRoster | undefined;

  constructor(reader: ArchiveReader, turns: Turns) {
    this.#reader = reader;
    this.#turns = turns;
    this.#first = new FirstRoster(turns);
  }

  async entry(entry: RosterEntry): Promise<void> {
    if (this.#first.length >= ENTRIES_MAX) throw this.#reader.refusal(`expected at most ${ENTRIES_MAX} roster entries`);
    if (this.#room.take([entry]) !== "taken") throw this.#reader.refusal("expected a smaller roster, as one can join");
    if (await this.#first.take([entry])) return;
    throw this.#reader.refusal(`roster entry ${this.#first.length + 1}: ${explainRejection(this.#first.stopped!)}`);
  }

  sideEntry(entry: RosterEntry): void {
    if (this.#side.length >= SIDE_ENTRIES_MAX) {
      throw this.#reader.refusal(`expected at most ${SIDE_ENTRIES_MAX} entries of other histories`);
    }
    const bytes = sizeOfEntry(entry);
    this.#sideBytes += bytes;
    if (bytes > SIDE_ENTRY_BYTES_MAX || this.#sideBytes > SIDE_BYTES_MAX) {
      const most = `${sizeText(SIDE_ENTRY_BYTES_MAX)} each and ${sizeText(SIDE_BYTES_MAX)} together`;
      throw this.#reader.refusal(`expected entries of other histories of at most ${most}`);
    }
    this.#side.push(entry);
  }

  heal(heal: RosterHeal): void {
    if (this.#heals.length >= HEALS_MAX) throw this.#reader.refusal(`expected at most ${HEALS_MAX} heals`);
    if (heal.type.length + heal.signature.length > HEAL_BYTES_MAX) {
      throw this.#reader.refusal(`expected a heal of at most ${sizeText(HEAL_BYTES_MAX)}`);
    }
    this.#heals.push(heal);
  }

  async whole({ group_id }: ArchiveHead): Promise<GroupRoster> {
    this.#whole ??= await this.#make(group_id);
    return this.#whole;
  }

  async #make(groupId: ArchiveHead["group_id"]): Promise<GroupRoster> {
    if (this.#first.length === 0) throw this.#reader.refusal("expected a roster before it");
    const log = this.#first.log();
    const { roster: store } = new MemoryGroupStore(groupId);
    store.append(log.entries);
    const roster = new GroupRoster(store, log);
    const looking = roster.lookAt(this.#side);
    for (let step = looking.next(); step.done !== true; step = looking.next()) await this.#turns.take();
    roster.learn(this.#side, this.#heals);
    if (!this.#side.every(({ id }) => roster.knows(id)) || roster.heals.length < this.#heals.length) {
      throw this.#reader.refusal("an entry or heal of another history before it is not of this roster");
    }
    return roster;
  }
}

/** What the original's rule of size says is asked where a message is taken in. */
const ANY_POLICY = new PolicyHistory(undefined);

/** The messages of an archive: each by its author, all in order. */
class ArchiveMessages {
  readonly #reader: ArchiveReader;
  readonly #set = new MessageSet(crypto.getRandomValues(new Uint32Array(1))[0]!);
  /** Of the part that is read. */
  #added: { readonly id: MessageId; readonly line: number }[] = [];
  #placed = 0;
  readonly #checks = new SignatureChecks();
  #failed: { readonly line: number; readonly error: EntmootError } | undefined;
  /** Where it is another than the key that the message names. */
  readonly #signers = new SaltedMap<MessageId, string>();
  #author: { readonly author: NodeInfo; readonly keys: readonly Uint8Array[] } | undefined;

  constructor(reader: ArchiveReader) {
    this.#reader = reader;
  }

  async add(item: Extract<ArchiveItem, { kind: "message" }>, roster: GroupRoster): Promise<void> {
    const { canonical, message, signing } = item;
    const { line } = this.#reader;
    const facts = factsOf(message, { canonical, signing });
    const refused = refusedUnsigned(facts, roster.log, ANY_POLICY);
    if (refused !== undefined) throw this.#reader.refusal(refused.reason);
    const { author, id, parents, timestamp } = message;
    if (!this.#set.add({ id, timestamp, author: author.pilot_node_id, parents })) {
      throw this.#reader.refusal("a message that stands before it already");
    }
    this.#added.push({ id, line });
    const check = this.#check({ message, signing, keys: this.#keysOf(author, roster), line });
    if (!this.#checks.add(check)) return;
    await this.#checks.room();
    this.#requireGood();
  }

  /** One author mostly writes several in a row. */
  #keysOf(author: NodeInfo, { log }: GroupRoster): readonly Uint8Array[] {
    const { entmoot_pubkey: named, pilot_node_id } = author;
    const last = this.#author;
    if (last?.author.pilot_node_id === pilot_node_id && sameKey(last.author.entmoot_pubkey, named)) return last.keys;
    const keys = log.authorKeys(author);
    this.#author = { author, keys };
    return keys;
  }

  /** Throws where those of the part do not stand in their order, behind all before it. */
  endPart(): void {
    const astray = firstAstray(this.#set, this.#placed, this.#added);
    if (astray !== undefined) {
      const line = this.#added[astray]?.line ?? this.#reader.line;
      throw this.#reader.refusal("expected messages in their order, found another one", line);
    }
    this.#placed = this.#set.size;
    this.#added = [];
    // Little of the tree is hashed twice where it is asked for often.
    this.#set.root();
  }

  /** Who signed those that name another key. */
  async end({ merkle_root, messages }: ArchiveEnd): Promise<Pick<SaltedMap<MessageId, string>, "get" | "size">> {
    await this.#checks.settled();
    this.#requireGood();
    if (messages !== this.#set.size) {
      throw this.#reader.refusal(`expected ${messages} messages before it, found ${this.#set.size}`);
    }
    if (merkle_root !== this.#set.root()) throw this.#reader.refusal("the root is not that of the messages before it");
    return this.#signers;
  }

  #requireGood(): void {
    if (this.#failed !== undefined) throw this.#failed.error;
  }

  async #check({ keys, line, message, signing }: SignatureAsked): Promise<void> {
    for (const key of keys) {
      if (!(await verifyElsewhere({ bytes: signing, key, signature: message.signature }))) continue;
      if (!isNamed(message, key)) this.#signers.set(message.id, key.toHex());
      return;
    }
    if (this.#failed !== undefined && this.#failed.line < line) return;
    const why =
      keys.length === 0
        ? "its author is not in the roster of the archive"
        : "its signature does not hold under its author's key";
    this.#failed = { line, error: this.#reader.refusal(`message ${message.id}: ${why}`, line) };
  }
}

function sameKey(a: Uint8Array | null, b: Uint8Array | null): boolean {
  return a === b || (a !== null && b !== null && Buffer.compare(a, b) === 0);
}

interface SignatureAsked {
  readonly message: Message;
  readonly signing: Uint8Array;
  readonly keys: readonly Uint8Array[];
  readonly line: number;
}
