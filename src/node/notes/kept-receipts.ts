import { mentionsOf, nameForm } from "../../core/agents/mentions.ts";
import type { Clock } from "../../core/clock.ts";
import type { GroupId, MessageId, PublicKey } from "../../core/ids.ts";
import { keyOf, shownKey } from "../../core/record/node-key.ts";
import { decodeReceipt, type ReceiptRow } from "../../core/record/note-bodies.ts";
import type { Message } from "../../core/record/records.ts";
import { SaltedMap } from "../../core/salted-map.ts";
import { profileName } from "../group/profiles.ts";
import { READERS_MAX, type ShownReceipt, type ShownState } from "../operations/receipts.ts";
import type { Moot } from "../read/moots.ts";
import { messageOf } from "../read/unread.ts";
import type { ShownPresence } from "./note-news.ts";

/** What is known of who listens; nothing where no daemon hears of it. */
export type PresenceOf = (groupId: GroupId, member: PublicKey) => ShownPresence | undefined;

/** As it stands in a row about a member. */
export function presenceRow(presence: ShownPresence | undefined): {
  readonly listening: boolean | undefined;
  readonly listening_since_ms: number;
  readonly not_listening_since_ms: number;
  readonly listening_host: string;
} {
  const { host = "", listening, sinceMs = 0 } = presence ?? {};
  return {
    listening,
    listening_since_ms: listening === true ? sinceMs : 0,
    not_listening_since_ms: listening === false ? sinceMs : 0,
    listening_host: host,
  };
}

/** What one reader says of one message. */
export interface SaidOfMessage {
  readonly row: ReceiptRow;
  /** Since when nobody listens there, as its receipt says; 0: something did. */
  readonly nobodySinceMs: number;
}

interface SaidByReader extends SaidOfMessage {
  readonly reader: PublicKey;
}

/** What members say of messages of one moot, as it is kept now. */
export class KeptReceipts {
  readonly #moot: Moot;
  readonly #clock: Pick<Clock, "unix">;
  readonly #presence: PresenceOf;
  readonly #byMessage = new SaltedMap<MessageId, SaidByReader[]>();
  #names: SaltedMap<string, PublicKey | undefined> | undefined;

  constructor(moot: Moot, { clock, presence }: { clock: Pick<Clock, "unix">; presence: PresenceOf }) {
    this.#moot = moot;
    this.#clock = clock;
    this.#presence = presence;
    for (const note of moot.store.notes.all()) {
      // A receipt of this node itself is about messages of others.
      if (note.kind !== "receipt" || !moot.roster.members.has(note.author)) continue;
      const { nobodySinceMs, rows } = decodeReceipt(note.body);
      for (const row of rows) {
        const said = { reader: note.author, row, nobodySinceMs };
        const others = this.#byMessage.get(row.messageId);
        if (others === undefined) this.#byMessage.set(row.messageId, [said]);
        else others.push(said);
      }
    }
  }

  /** Those that a message of this node asks, and those that say something of it, by node id. */
  of(message: Message): ShownReceipt[] {
    const said = new Map(this.#byMessage.get(message.id)?.map((each) => [each.reader, each]));
    const author = keyOf(message.author);
    const readers = new Set([...said.keys(), ...this.#asked(message)]);
    const rows = [...readers].flatMap((reader) =>
      reader === author ? [] : (this.#shown(reader, said.get(reader)) ?? []),
    );
    return rows.sort((one, other) => one.node_id - other.node_id).slice(0, READERS_MAX);
  }

  #shown(reader: PublicKey, said: SaidOfMessage | undefined): ShownReceipt | undefined {
    const member = this.#moot.roster.members.get(reader);
    if (member === undefined) return undefined;
    return {
      node_id: member.pilot_node_id,
      entmoot_pubkey: shownKey(reader),
      hostname: profileName(this.#moot, member, this.#clock.unix()),
      ...stateShown(said, this.#presence(this.#moot.id, reader)),
      arrived_ms: said?.row.arrivedMs ?? 0,
      delivered_ms: said?.row.deliveredMs ?? 0,
      read_ms: said?.row.readMs ?? 0,
      done_ms: said?.row.doneMs ?? 0,
    };
  }

  /** Current members that it names, a name only where one alone has it, or whose message it answers. */
  #asked(message: Message): Set<PublicKey> {
    const { names, nodeIds, references } = mentionsOf(message);
    const { log } = this.#moot.roster;
    const asked = new Set<PublicKey>();
    const add = (key: PublicKey | undefined) => {
      if (key !== undefined && this.#moot.roster.members.has(key)) asked.add(key);
    };
    for (const nodeId of nodeIds) {
      const member = log.member(nodeId);
      add(member && keyOf(member));
    }
    for (const name of names) add(this.#named(name));
    for (const id of references) {
      const stored = this.#moot.store.messages.get(id);
      add(stored && keyOf(messageOf(stored).author));
    }
    return asked;
  }

  #named(form: string): PublicKey | undefined {
    if (this.#names === undefined) {
      this.#names = new SaltedMap();
      for (const [key, member] of this.#moot.roster.members) {
        const name = nameForm(profileName(this.#moot, member, this.#clock.unix()));
        if (name !== "") this.#names.set(name, this.#names.has(name) ? undefined : key);
      }
    }
    return this.#names.get(form);
  }
}

/** What is shown of a message at a reader that says this of it, or nothing, and of whom this is known. */
export function stateShown(
  said: SaidOfMessage | undefined,
  presence: ShownPresence | undefined,
): { readonly state: ShownState; readonly since_ms: number } {
  const away = presence?.listening === false ? presence.sinceMs : 0;
  if (said === undefined) return away > 0 ? { state: "nobody", since_ms: away } : { state: "none", since_ms: 0 };
  const { nobodySinceMs, row } = said;
  switch (row.state) {
    case "arrived": {
      // Presence is the later word where there is any.
      const sinceMs = presence === undefined ? nobodySinceMs : away;
      return sinceMs > 0 ? { state: "nobody", since_ms: sinceMs } : { state: row.state, since_ms: row.arrivedMs };
    }
    case "delivered":
      return { state: row.state, since_ms: row.deliveredMs };
    case "read":
      return { state: row.state, since_ms: row.readMs };
    case "acked":
    case "answered":
      return { state: row.state, since_ms: row.doneMs };
    default:
      return { state: row.state, since_ms: row.arrivedMs };
  }
}
