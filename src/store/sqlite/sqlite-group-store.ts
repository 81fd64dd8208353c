import { BoundedMap } from "../../core/bounded-map.ts";
import type { GroupId } from "../../core/ids.ts";
import type { DiskRoom } from "../disk-room.ts";
import { filePlace } from "../file-place.ts";
import type { Fact, GroupStore } from "../group-store.ts";
import type { OpenFiles } from "../open-files.ts";
import { GROUP_0001 } from "./migrations/0001-group.ts";
import { GROUP_0002 } from "./migrations/0002-group.ts";
import { GROUP_0003 } from "./migrations/0003-group.ts";
import { GROUP_0004 } from "./migrations/0004-group.ts";
import { GROUP_0005 } from "./migrations/0005-group.ts";
import { GROUP_0006 } from "./migrations/0006-group.ts";
import { GROUP_0007 } from "./migrations/0007-group.ts";
import { GROUP_0008 } from "./migrations/0008-group.ts";
import { GROUP_0009 } from "./migrations/0009-group.ts";
import { GROUP_0010 } from "./migrations/0010-group.ts";
import type { OpeningWait } from "./opening-wait.ts";
import { SqliteAdStore } from "./sqlite-ad-store.ts";
import { SqliteConsumerStore } from "./sqlite-consumer-store.ts";
import { SqliteFactStore } from "./sqlite-fact-store.ts";
import { type Access, SqliteFile } from "./sqlite-file.ts";
import { SqliteMessageStore } from "./sqlite-message-store.ts";
import { SqliteNoteStore } from "./sqlite-note-store.ts";
import { SqliteRosterStore } from "./sqlite-roster-store.ts";

/** Every shape a group's database has had; never change one, add the next. */
export const GROUP_MIGRATIONS = [
  GROUP_0001,
  GROUP_0002,
  GROUP_0003,
  GROUP_0004,
  GROUP_0005,
  GROUP_0006,
  GROUP_0007,
  GROUP_0008,
  GROUP_0009,
  GROUP_0010,
];

interface OpenGroup {
  readonly groupId: GroupId;
  readonly access: Access;
  /** With which others it shares the descriptors there are. */
  readonly files?: OpenFiles;
  /** Nobody else writes it, as the data root is locked. */
  readonly alone?: boolean;
  readonly onClose?: () => void;
  /** How long is waited for another process that makes it or changes its tables. */
  readonly makingPatience?: OpeningWait;
  /** Told of what kept something from being written. */
  readonly room?: DiskRoom;
}

interface StoreParts extends Pick<OpenGroup, "alone" | "onClose"> {
  /** Of the same file, where they are not shown as they are. */
  readonly messages?: SqliteMessageStore;
}

/** Ours. Small facts known by heart, of a group that nobody else writes: asked for each look at it. */
const FACTS_KNOWN = 16;

/** All of one group in one `moot.sqlite`. */
export class SqliteGroupStore implements GroupStore {
  readonly groupId: GroupId;
  readonly messages: SqliteMessageStore;
  readonly roster: SqliteRosterStore;
  readonly ads: SqliteAdStore;
  readonly notes: SqliteNoteStore;
  readonly consumers: SqliteConsumerStore;
  readonly #file: SqliteFile;
  readonly #facts: SqliteFactStore;
  readonly #known: BoundedMap<string, { readonly value: string | undefined }> | undefined;
  readonly #onClose: () => void;
  #open = true;

  /** `path` is made if it is not there. `onClose` is called once. */
  static open(
    path: string,
    { groupId, access, alone = false, files, makingPatience, onClose = () => {}, room }: OpenGroup,
  ): SqliteGroupStore {
    const file = SqliteFile.open(path, {
      label: "group database",
      migrations: GROUP_MIGRATIONS,
      access,
      alone,
      room,
      ...(files === undefined ? {} : { files }),
      ...(makingPatience === undefined ? {} : { makingPatience }),
    });
    return new SqliteGroupStore(groupId, file, { alone, onClose });
  }

  constructor(groupId: GroupId, file: SqliteFile, { alone = false, messages, onClose = () => {} }: StoreParts = {}) {
    this.groupId = groupId;
    this.#file = file;
    this.#onClose = onClose;
    this.#known = alone ? new BoundedMap(FACTS_KNOWN) : undefined;
    this.messages = messages ?? new SqliteMessageStore(file);
    this.roster = new SqliteRosterStore(file);
    this.ads = new SqliteAdStore(file);
    this.notes = new SqliteNoteStore(file);
    this.consumers = new SqliteConsumerStore(file, () => this.messages.lastSeq());
    this.#facts = new SqliteFactStore(file, "facts");
  }

  /** The file behind it, for what reads and fills it whole. */
  get file(): SqliteFile {
    return this.#file;
  }

  getFact(name: string): string | undefined {
    const known = this.#known?.get(name);
    if (known !== undefined) return known.value;
    const value = this.#facts.get(name);
    this.#known?.set(name, { value });
    return value;
  }

  setFact(name: string, value: string | undefined): void {
    this.setFacts([[name, value]]);
  }

  setFacts(facts: readonly Fact[]): void {
    this.#facts.setAll(facts);
    for (const [name, value] of facts) this.#known?.set(name, { value });
  }

  requireSame(): void {
    this.#file.requireSame();
  }

  place(): string | undefined {
    return filePlace(this.#file.path);
  }

  isWritable(): boolean {
    return this.#file.isWritable();
  }

  [Symbol.dispose](): void {
    if (!this.#open) return;
    this.#open = false;
    try {
      this.messages.rememberOrder();
    } catch {
      // It is computed again on the next opening.
    }
    this.#file[Symbol.dispose]();
    this.#onClose();
  }
}
