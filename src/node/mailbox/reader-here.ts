import { type Mentionable, nameForm } from "../../core/agents/mentions.ts";
import type { Clock } from "../../core/clock.ts";
import { EntmootError } from "../../core/errors.ts";
import { type MessageId, PublicKey } from "../../core/ids.ts";
import { entmootNodeId } from "../../core/node-id.ts";
import { keyOf } from "../../core/record/node-key.ts";
import type { Message } from "../../core/record/records.ts";
import { profileName } from "../group/profiles.ts";
import type { Moot } from "../read/moots.ts";
import { messageOf } from "../read/unread.ts";

/** This node as what messages of a moot name. */
export interface ReaderHere extends Mentionable {
  isOwn(message: Pick<Message, "author">): boolean;
}

/** Throws `identity_invalid` where there is no identity, so that nobody could be named. */
export function readerHere(
  { clock, local }: { readonly clock: Clock; readonly local: PublicKey | undefined },
  moot: Moot,
): ReaderHere {
  if (local === undefined) {
    throw new EntmootError("identity_invalid", "mentions: there is no identity here that a message could name");
  }
  const { members } = moot.roster.log;
  const self = members.find((member) => keyOf(member) === local);
  const nodeId = self?.pilot_node_id ?? entmootNodeId(PublicKey.toBytes(local));
  let name: string | undefined;
  const isOwn = ({ author }: Pick<Message, "author">) => {
    const key = keyOf(author);
    return key === undefined ? author.pilot_node_id === nodeId : key === local;
  };
  return {
    nodeId,
    isOwn,
    name() {
      if (name !== undefined) return name;
      const nameOf = (member: NonNullable<typeof self>) => nameForm(profileName(moot, member, clock.unix()));
      const own = self === undefined ? "" : nameOf(self);
      const isShared = own !== "" && members.some((member) => member !== self && nameOf(member) === own);
      name = isShared ? "" : own;
      return name;
    },
    wrote(id: MessageId) {
      const stored = moot.store.messages.get(id);
      return stored !== undefined && isOwn(messageOf(stored));
    },
  };
}
