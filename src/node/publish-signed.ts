import { EntmootError } from "../core/errors.ts";
import { factsOf, isOutsider, refusedUnsigned, whetherKept } from "../core/kept.ts";
import { messageForms } from "../core/record/message.ts";
import type { Message } from "../core/record/records.ts";
import { isApart } from "../store/group-store.ts";
import type { NodeContext } from "./node-context.ts";
import type { Published } from "./operations/messages.ts";
import { isUpdate, publishedForm, refusal, tooMany } from "./publish.ts";

/**
 * Takes in a message that its author signed elsewhere, as if a peer had sent it; durable when it resolves. What a former
 * key of the author signed is refused: it would be set apart, and shown to nobody.
 */
export async function publishSigned(context: NodeContext, message: Message): Promise<Published> {
  const group = context.requireGroup(message.group_id);
  const author = group.roster.log.member(message.author.pilot_node_id);
  if (author === undefined) throw new EntmootError("not_member", "entmoot: author not a group member");
  const forms = messageForms(message);
  const { canonical } = forms;
  const held = group.store.messages.get(message.id);
  // A known id is not looked at again on the way in; under it only the very same message is acknowledged.
  if (held !== undefined && Buffer.compare(held.canonical, canonical) !== 0) {
    throw new EntmootError("signature_invalid", "entmoot: message id mismatch");
  }
  if (held !== undefined && isApart(held)) throw signedByFormer();
  if (!group.store.messages.knows(message.id)) {
    const facts = factsOf(message, forms);
    const refused = refusedUnsigned(facts, group.roster.log, group.policy.history);
    if (refused !== undefined && refused.fault !== "bad_id") throw refusal(refused, facts);
    const { history } = group.policy;
    const verdict = whetherKept(facts, group.roster.log, history);
    if (verdict.kept && isOutsider(verdict.key, group.roster.log)) throw signedByFormer();
    const { oldest } = group.retention;
    const old = group.policy.tooOld({ isUpdate: isUpdate(group, message), oldest, timestamp: message.timestamp });
    if (old !== undefined) throw new EntmootError("invalid_argument", `group policy: ${old.message}`);
  }
  const source = { from: context.local, via: "fetch", isHandedIn: true } as const;
  const { apart, delays, owed, reason, refused, unknownAuthor } = await group.ingest([canonical], source);
  if (owed.length > 0) throw tooMany(reason ?? "it waits for its turn", delays[0]?.waitMs ?? 0, context.clock.unix());
  if (unknownAuthor.length > 0) throw new EntmootError("not_member", "entmoot: author not a group member");
  if (refused.length > 0) throw new EntmootError("signature_invalid", reason ?? "entmoot: signature invalid");
  // A removal came meanwhile.
  if (apart.length > 0) throw signedByFormer();
  return publishedForm(message);
}

/** In the words of the original, then with what is the matter. */
function signedByFormer(): EntmootError {
  return new EntmootError(
    "not_member",
    "entmoot: author not a group member: it was signed by a former key of its author, and members set such a message apart and show it to nobody; sign it with the author's current key",
  );
}
