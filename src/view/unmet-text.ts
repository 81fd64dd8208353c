import type { Published } from "../node/operations/messages.ts";
import { terminalText } from "./terminal-text.ts";

const NAME_SHOWN = 64;

/** One line for each mention of what was published that asks nobody; see `unmet_mentions` of `publish`. */
export function unmetLines({ unmet_mentions = [] }: Pick<Published, "unmet_mentions">): string[] {
  return unmet_mentions.map(({ members, mention, node_ids }) => {
    const name = `@${terminalText(mention, NAME_SHOWN)}`;
    if (members === 0) return `${name} names no member of this moot: nobody is asked by it`;
    const ids = node_ids.map((id) => `@${id}`).join(", ");
    return `${name} is the name of ${members} members, so none of them is asked; name one by its node id: ${ids}${members > node_ids.length ? ", …" : ""}`;
  });
}

/** The same for programs; nothing where there is none. Keys ascending. */
export function unmetJson({ unmet_mentions }: Pick<Published, "unmet_mentions">) {
  if (unmet_mentions === undefined || unmet_mentions.length === 0) return {};
  return { unmet_mentions: unmet_mentions.map(({ members, mention, node_ids }) => ({ members, mention, node_ids })) };
}
