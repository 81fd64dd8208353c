import { PublicKey } from "../../core/ids.ts";
import { keyOf } from "../../core/record/node-key.ts";
import { isApart } from "../../store/group-store.ts";
import { Deadline } from "../../transport/wait.ts";
import type { Call } from "../operations/implementation.ts";
import type { answer_wait, InboxRow } from "../operations/inbox.ts";
import { WAIT_MAX_MS } from "../operations/messages.ts";
import type { AnswerOf, RequestOf } from "../operations/operation.ts";
import { arrivalsAfter } from "../read/arrivals.ts";
import { messageOf } from "../read/unread.ts";
import { type ActingServices, isToBeDone } from "./acting.ts";
import type { LookedUp } from "./look.ts";
import { inboxRowOf } from "./rows.ts";
import { heldMessage } from "./thread.ts";

/** The first answer of a member, which is read when this resolves; without a row where none came in time. */
export async function awaitAnswer(
  node: ActingServices,
  { author_key, group_id, message_id, wait_ms }: RequestOf<typeof answer_wait>,
  { signal }: Pick<Call<never>, "signal">,
): Promise<AnswerOf<typeof answer_wait>> {
  const author = PublicKey.fromBytes(author_key);
  const { moot, stored: question } = heldMessage(node, message_id, group_id);
  using _hold = node.listeners.awaited.hold(message_id, author);
  using deadline = new Deadline(node.clock, Math.min(wait_ms, WAIT_MAX_MS), signal);
  let seq = isApart(question) ? 0 : question.seq;
  for (;;) {
    const version = node.changed?.version ?? 0;
    for await (const piece of arrivalsAfter(node, moot, seq)) {
      for (const stored of piece) {
        seq = stored.seq;
        const message = messageOf(stored);
        const isAnswer = keyOf(message.author) === author && message.references.includes(message_id);
        // Who is gone reads nothing: it is for whoever listens then.
        if (signal.aborted) return { row: undefined };
        if (isAnswer) return { row: await readRow(node, { message, moot, stored }) };
      }
    }
    if (deadline.signal.aborted || node.changed === undefined) return { row: undefined };
    await node.changed.after(version, deadline.signal);
  }
}

async function readRow(node: ActingServices, held: LookedUp): Promise<InboxRow> {
  const { message, moot, stored } = held;
  await node.ledger.catchUp(moot);
  const window = node.windows().of(moot);
  await window.fill();
  if (isToBeDone(node, held)) await node.ledger.move(held, { kind: "read" });
  return inboxRowOf(window, { stored, message, store: node.agents(), presence: node.presence });
}
