import type { GroupId, PublicKey } from "../../core/ids.ts";
import type { Mute } from "../../store/agent-store.ts";

/** Whose words are kept from this node's agent. */
export class Mutes {
  readonly #byKey = new Map<PublicKey, Mute[]>();

  constructor(mutes: readonly Mute[]) {
    for (const mute of mutes) {
      const known = this.#byKey.get(mute.key);
      if (known === undefined) this.#byKey.set(mute.key, [mute]);
      else known.push(mute);
    }
  }

  /** Whether nothing of this author is shown now, whenever it was written. */
  hides(author: PublicKey | undefined, groupId: GroupId, nowMs: number): boolean {
    return this.#of(author, groupId).some((mute) => holdsAt(mute, nowMs));
  }

  /** Whether it was written while its author was muted: it is done, also once the mute has ended. */
  covers(author: PublicKey | undefined, groupId: GroupId, dateMs: number): boolean {
    return this.#of(author, groupId).some((mute) => holdsAt(mute, dateMs));
  }

  #of(author: PublicKey | undefined, groupId: GroupId): readonly Mute[] {
    const mutes = author === undefined ? undefined : this.#byKey.get(author);
    return mutes?.filter((mute) => mute.groupId === undefined || mute.groupId === groupId) ?? [];
  }
}

/** Whether a mute holds at an instant. */
export function holdsAt({ fromMs, untilMs }: Mute, atMs: number): boolean {
  return atMs >= fromMs && (untilMs === 0 || atMs < untilMs);
}
