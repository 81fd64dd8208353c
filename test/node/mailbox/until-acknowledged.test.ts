import { expect, test } from "bun:test";
import fc from "fast-check";
import type { MessageId } from "../../../src/core/ids.ts";
import { topologicalOrder } from "../../../src/core/order/order.ts";
import type { Message } from "../../../src/core/record/records.ts";
import { putCursors } from "../../support/original-root.ts";
import { MailboxWorld, mail } from "./world.ts";

/** What happens, each drawn with a number that chooses among what there is. */
type Event =
  | { readonly kind: "arrive" | "original stores"; readonly dates: readonly number[]; readonly at: number }
  | { readonly kind: "ack" | "ack through" | "original acks"; readonly at: number }
  | { readonly kind: "restart" };

const dates = fc.array(fc.integer({ min: 1, max: 30 }), { minLength: 1, maxLength: 6 });
const at = fc.nat();
const ours = [
  fc.record({ kind: fc.constant("arrive" as const), dates, at }),
  fc.record({ kind: fc.constantFrom("ack" as const, "ack through" as const), at }),
  fc.record({ kind: fc.constant("restart" as const) }),
];
const theirs = [
  fc.record({ kind: fc.constant("original stores" as const), dates, at }),
  fc.record({ kind: fc.constant("original acks" as const), at }),
];

/** What is known of a client apart from the mailbox itself. */
class Model {
  readonly held = new Map<MessageId, Message>();
  readonly original = new Map<MessageId, Message>();
  /** Acknowledged here: never to be shown again. */
  readonly done = new Set<MessageId>();
  /** Acknowledged with the original: it may be shown again, or not. */
  readonly read = new Set<MessageId>();

  /** New ones; now and then one names another as its parent, whatever its date. */
  write({ at, dates }: { readonly at: number; readonly dates: readonly number[] }, among: Map<MessageId, Message>) {
    return dates.map((date, number) => {
      const ids = [...among.keys()];
      const parents = ids.length > 0 && (at + number) % 3 === 0 ? [ids[(at + number) % ids.length]!] : [];
      const message = mail(date, { parents });
      among.set(message.id, message);
      return message;
    });
  }

  orderOfOriginal(): MessageId[] {
    return topologicalOrder(
      [...this.original.values()].map(({ author, id, parents, timestamp }) => {
        return { id, parents, timestamp, author: author.pilot_node_id };
      }),
    );
  }
}

async function happen(it: MailboxWorld, model: Model, event: Event): Promise<void> {
  const shown = await it.shown();
  switch (event.kind) {
    case "arrive":
      it.arrive(...model.write(event, model.held));
      return;
    case "ack": {
      // One that is shown, or one that is done: either way all up to there is.
      const ids = [...model.held.keys()];
      if (ids.length === 0) return;
      const id = ids[event.at % ids.length]!;
      await it.ack({ message_id: id });
      const reached = shown.indexOf(id);
      for (const done of shown.slice(0, reached + 1)) model.done.add(done);
      return;
    }
    case "ack through": {
      const limit = 1 + (event.at % 9);
      const { messages, next_cursor } = await it.pull({ limit, topic: event.at % 2 === 0 ? "none/of/them" : "#" });
      await it.ack({ through: next_cursor.place });
      for (const { message_id } of messages) model.done.add(message_id);
      // What was looked at and not asked for is left behind too.
      if (event.at % 2 === 0) for (const id of shown) model.done.add(id);
      return;
    }
    case "restart":
      it.restart();
      return;
    case "original stores":
      it.originalStores(...model.write(event, model.original));
      it.restart();
      for (const [id, message] of model.original) model.held.set(id, message);
      return;
    case "original acks": {
      const order = model.orderOfOriginal();
      if (order.length === 0) return;
      const reached = event.at % order.length;
      const id = order[reached]!;
      putCursors(it.path, [{ client: "a", id, timestamp: model.original.get(id)!.timestamp }]);
      for (const read of order.slice(0, reached + 1)) model.read.add(read);
    }
  }
}

async function holds(it: MailboxWorld, model: Model): Promise<void> {
  const shown = await it.shown();
  expect(new Set(shown).size).toBe(shown.length);
  expect(shown.filter((id) => model.done.has(id))).toEqual([]);
  const isShown = new Set(shown);
  const lost = [...model.held.keys()].filter((id) => !isShown.has(id) && !model.done.has(id) && !model.read.has(id));
  expect(lost).toEqual([]);
  expect((await it.cursor()).unread).toBe(shown.length);
}

test("each message is shown until it is acknowledged and never after, whatever came in which order", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.oneof(...ours), { maxLength: 25 }), async (events) => {
      using it = new MailboxWorld();
      const model = new Model();
      for (const event of events) {
        await happen(it, model, event);
        await holds(it, model);
      }
    }),
    { numRuns: 30 },
  );
});

test("so it is where an original writes messages and cursors in between", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.oneof(...ours, ...theirs), { maxLength: 20 }), async (events) => {
      using it = new MailboxWorld([]);
      const model = new Model();
      for (const event of events) {
        await happen(it, model, event);
        await holds(it, model);
      }
    }),
    { numRuns: 30 },
  );
});
