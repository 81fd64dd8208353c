import { BoundedMap } from "../../core/bounded-map.ts";
import type { GroupId } from "../../core/ids.ts";
import type { Moot } from "../read/moots.ts";
import { Addressee } from "./addressee.ts";
import { HopCounter } from "./hops.ts";
import { type InboxReader, MootWindow, type UnreadEntry } from "./moot-inbox.ts";

/** Ours. Moots whose unread are known by heart at a time; those of another are looked for again. */
const WINDOWS_MAX = 128;

interface Pair {
  readonly all: MootWindow;
  readonly asking: MootWindow;
}

/** The inboxes of all moots, each as far as it was looked through in this process. */
export class Windows {
  /** One count for whatever shows how far a message is, and what holds it to that. */
  readonly hops: HopCounter;
  readonly #reader: InboxReader;
  readonly #pairs = new BoundedMap<GroupId, Pair>(WINDOWS_MAX);

  constructor(reader: InboxReader) {
    this.#reader = reader;
    this.hops = new HopCounter(reader);
  }

  /** What is unread of a moot. */
  of(moot: Moot): MootWindow {
    return this.#pair(moot).all;
  }

  /** What of it asks this node. */
  asking(moot: Moot): MootWindow {
    return this.#pair(moot).asking;
  }

  /** Somebody is done with these. */
  forget(moot: Moot, isGone: (entry: UnreadEntry) => boolean): void {
    const { all, asking } = this.#pair(moot);
    all.forget(isGone);
    asking.forget(isGone);
  }

  /** What wakes, or who is muted, is otherwise from now on. */
  clear(): void {
    this.#pairs.clear();
  }

  #pair(moot: Moot): Pair {
    const known = this.#pairs.get(moot.id);
    // Another object once it was closed and opened again.
    if (known?.all.moot === moot) return known;
    const who = new Addressee(moot, this.#reader);
    const window = (onlyAsking: boolean) =>
      new MootWindow(moot, this.#reader, { asking: who, hops: this.hops, onlyAsking });
    const pair = { all: window(false), asking: window(true) };
    this.#pairs.set(moot.id, pair);
    return pair;
  }
}
