import { type Mentionable, mentionsOf, namesReader } from "../../core/agents/mentions.ts";
import type { Clock } from "../../core/clock.ts";
import { EntmootError } from "../../core/errors.ts";
import type { GroupId } from "../../core/ids.ts";
import { matchAny, shownTopics } from "../../core/policy/topic.ts";
import { keyOf } from "../../core/record/node-key.ts";
import type { Message } from "../../core/record/records.ts";
import type { Log } from "../../host/log.ts";
import { backlog, messages } from "../../node/operations/messages.ts";
import { DEVICES_MAX, type Device } from "../../store/device-registry.ts";
import type { EspStore, PushPreferences } from "../../store/esp-store.ts";
import type { ServiceNode } from "../route.ts";
import { isWakeable, MESSAGE_NEWS } from "./push-sender.ts";

/** Ours. Pages of one moot in one look, so that one that is far behind does not hold up the others. */
const PAGES_MAX = 4;
const PAGE_MESSAGES = 200;

export interface WatchParts {
  readonly node: Pick<ServiceNode, "reads" | "holds">;
  readonly esp: Pick<EspStore, "devices" | "pushes">;
  readonly devices: () => ReadonlyMap<string, Device>;
  readonly clock: Clock;
  readonly log: Log;
}

interface WokenReader {
  readonly device: Device;
  readonly preferences: PushPreferences;
}

/**
 * Reads what arrives in moots, and who is to be woken for it: kept with how far it was read, in one commit, so that a restart passes
 * nothing by and reads nothing twice.
 */
export class PushWatch {
  readonly #parts: WatchParts;
  /** Moots that could not be read, told once each. */
  readonly #unread = new Set<GroupId>();

  constructor(parts: WatchParts) {
    this.#parts = parts;
  }

  /** Whether there was anybody to be woken. */
  async look(signal: AbortSignal): Promise<boolean> {
    const { esp, log, node } = this.#parts;
    const readers = this.#readers();
    if (readers.length === 0) {
      // Who comes later is not woken for what came before.
      esp.pushes.forgetPlaces();
      return false;
    }
    const places = esp.pushes.places();
    for (const groupId of new Set(readers.flatMap(({ device }) => device.groups))) {
      if (signal.aborted) return true;
      if (!node.holds(groupId)) continue;
      const here = readers.filter(({ device }) => device.groups.includes(groupId));
      try {
        await this.#read(groupId, places.get(groupId), here, signal);
        this.#unread.delete(groupId);
      } catch (error) {
        if (signal.aborted) return true;
        if (!(error instanceof EntmootError)) throw error;
        if (!this.#unread.has(groupId)) log.warn("push: a moot cannot be read", { group_id: groupId }, error);
        this.#unread.add(groupId);
      }
    }
    return true;
  }

  #readers(): WokenReader[] {
    const devices = this.#parts.devices();
    return this.#parts.esp.devices.withToken(DEVICES_MAX).flatMap((state) => {
      const device = devices.get(state.deviceId);
      return device !== undefined && isWakeable(device, state) ? [{ device, preferences: state.preferences }] : [];
    });
  }

  async #read(groupId: GroupId, from: string | undefined, readers: readonly WokenReader[], signal: AbortSignal) {
    if (from === undefined) return this.#keep(groupId, await this.#end(groupId, signal), []);
    let place = from;
    for (let pages = 0; pages < PAGES_MAX; pages++) {
      let page: Awaited<ReturnType<typeof this.page>>;
      try {
        page = await this.page(groupId, place, signal);
      } catch (error) {
        if (!(error instanceof EntmootError && error.code === "place_lost")) throw error;
        // Another log than before: whatever is in it may be new to them.
        return this.#keep(groupId, await this.#end(groupId, signal), readers);
      }
      const next = page.place ?? place;
      if (next !== place) {
        const woken = readers.filter((reader) => page.messages.some(({ message }) => isFor(reader, message)));
        this.#keep(groupId, next, woken);
      }
      place = next;
      if (!page.more) return;
    }
  }

  page(groupId: GroupId, after: string, signal: AbortSignal) {
    const { reads } = this.#parts.node;
    return reads.call(messages, { group_id: groupId, by: "arrival", after, limit: PAGE_MESSAGES }, { signal });
  }

  async #end(groupId: GroupId, signal: AbortSignal): Promise<string | undefined> {
    const { places } = await this.#parts.node.reads.call(backlog, { group_id: groupId, last: 0 }, { signal });
    return places[0];
  }

  #keep(groupId: GroupId, place: string | undefined, woken: readonly WokenReader[]): void {
    if (place === undefined) return;
    const ids = woken.map(({ device }) => device.id);
    const { clock, esp } = this.#parts;
    esp.pushes.advance(groupId, place, ids, { type: MESSAGE_NEWS, reason: "" }, clock.unix());
  }
}

/** What nodes say to nodes wakes nobody, and nobody is woken for what its own member said. */
const { shows } = shownTopics({});

function isFor({ device, preferences }: WokenReader, message: Message): boolean {
  if (!shows(message.topics) || isBy(device, message)) return false;
  const { isForMentions, topics } = preferences;
  if (topics === undefined && !isForMentions) return true;
  if (topics !== undefined && message.topics.some((topic) => matchAny(topics, topic))) return true;
  return isForMentions && device.nodeId !== 0 && namesReader(mentionsOf(message), memberOf(device));
}

function isBy({ memberKey, nodeId }: Device, { author }: Message): boolean {
  return memberKey === undefined ? nodeId !== 0 && author.pilot_node_id === nodeId : keyOf(author) === memberKey;
}

/** By its node id alone: names and answers are for who reads the moot. */
function memberOf({ nodeId }: Device): Mentionable {
  return { nodeId, name: () => "", wrote: () => false };
}
