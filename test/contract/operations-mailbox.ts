import { expect } from "bun:test";
import { MessageId } from "../../src/core/ids.ts";
import {
  type MAILBOX_OPERATIONS,
  mailbox_ack,
  mailbox_cursor,
  mailbox_forget,
  mailbox_pull,
} from "../../src/node/operations/mailbox.ts";
import type { CasesOf } from "./operations.contract.ts";
import { type Stage, UNKNOWN } from "./operations-stage.ts";

const client_id = "bot";
const notFound = { fails: { code: "group_not_found" } } as const;
const TOO_LONG = `{"client_id":"${"x".repeat(263)}"}`;

/** Two messages, of which the client has acknowledged the first. */
async function acknowledged({ asked, group_id, publish }: Stage) {
  const [first] = await publish("a", "b");
  await asked.call(mailbox_ack, { group_id, client_id, message_id: first!.message.id });
  return { group_id, client_id };
}

const cursorOf = ({ message, place }: Awaited<ReturnType<Stage["publish"]>>[number]) => {
  return { message_id: message.id, timestamp_ms: message.timestamp, place };
};

export const MAILBOX_CASES: CasesOf<typeof MAILBOX_OPERATIONS> = {
  mailbox_pull: {
    malformed: { request: TOO_LONG, names: "client_id" },
    cases: [
      {
        title: "gives what was not acknowledged, and where to go on",
        request: acknowledged,
        async answers(answer, { group_id, publish }) {
          const [, second] = await publish();
          expect(answer).toEqual({
            client_id,
            group_id,
            count: 1,
            has_more: false,
            next_cursor: cursorOf(second!),
            messages: [
              {
                message_id: second!.message.id,
                author: second!.message.author.pilot_node_id,
                topic: ["chat"],
                content: "b",
                timestamp_ms: second!.message.timestamp,
                content_b64: undefined,
              },
            ],
            note: undefined,
          });
        },
      },
      {
        title: "of a full page says that there is more",
        async request({ publish }) {
          await publish("a", "b", "c");
          return { client_id, limit: 2 };
        },
        async answers(answer, { publish }) {
          expect(answer).toMatchObject({ count: 2, has_more: true, next_cursor: cursorOf((await publish())[1]!) });
        },
      },
      {
        title: "moves nothing, and waits no longer than it is told",
        async request(stage) {
          const asked = await acknowledged(stage);
          await stage.asked.call(mailbox_pull, asked);
          return { ...asked, topic: "other", wait_ms: 1 };
        },
        async answers(answer, { asked, group_id, publish }) {
          const [first, second] = await publish();
          expect(answer).toMatchObject({ count: 0, has_more: false, next_cursor: cursorOf(second!) });
          expect((await asked.call(mailbox_cursor, { group_id, client_id })).cursor).toEqual(cursorOf(first!));
        },
      },
      {
        title: "needs a name",
        request: () => ({ client_id: "" }),
        fails: { code: "invalid_argument", message: "client_id: expected a name" },
      },
      {
        title: "from a place that is not there is a place lost",
        request: ({ group_id }) => ({ client_id, group_id, after: "9" }),
        fails: { code: "place_lost" },
      },
      { title: "of an unknown moot", request: () => ({ client_id, group_id: UNKNOWN }), ...notFound },
    ],
  },
  mailbox_ack: {
    malformed: { request: TOO_LONG, names: "client_id" },
    cases: [
      {
        title: "of a message echoes it",
        async request({ group_id, publish }) {
          return { group_id, client_id, message_id: (await publish("a", "b"))[1]!.message.id };
        },
        async answers(answer, { asked, group_id, publish }) {
          const cursor = cursorOf((await publish())[1]!);
          const { message_id, timestamp_ms } = cursor;
          expect(answer).toEqual({ client_id, group_id, message_id, timestamp_ms, cursor, note: undefined });
          expect(await asked.call(mailbox_cursor, { client_id })).toMatchObject({ cursor, unread: 0 });
        },
      },
      {
        title: "of an older message goes nowhere, and echoes it all the same",
        async request(stage) {
          const [first, second] = await stage.publish("a", "b");
          await stage.asked.call(mailbox_ack, { client_id, message_id: second!.message.id });
          return { client_id, message_id: first!.message.id };
        },
        async answers(answer, { asked, publish }) {
          const [first, second] = await publish();
          expect(answer.cursor).toEqual(cursorOf(first!));
          expect((await asked.call(mailbox_cursor, { client_id })).cursor).toEqual(cursorOf(second!));
        },
      },
      {
        title: "through a place needs no moot beside it",
        async request({ publish }) {
          return { client_id, through: (await publish("a", "b"))[0]!.place };
        },
        async answers(answer, { publish }) {
          expect(answer.cursor).toEqual(cursorOf((await publish())[0]!));
        },
      },
      {
        title: "of a message that is not there",
        request: () => ({ client_id, message_id: MessageId.zero }),
        fails: { code: "not_found", message: `message ${MessageId.toBase64(MessageId.zero)} not found` },
      },
      {
        title: "of nothing is refused",
        request: () => ({ client_id }),
        fails: { code: "invalid_argument", message: "expected message_id or through, found neither" },
      },
    ],
  },
  mailbox_cursor: {
    malformed: { request: TOO_LONG, names: "client_id" },
    cases: [
      {
        title: "of a client that is new is before the first message",
        async request({ group_id, publish }) {
          await publish("a", "b");
          return { group_id, client_id };
        },
        answers(answer, { group_id }) {
          expect(answer).toMatchObject({ client_id, group_id, unread: 2 });
          expect(answer.cursor).toMatchObject({ message_id: MessageId.zero, timestamp_ms: 0n });
        },
      },
      { title: "of an unknown moot", request: () => ({ client_id, group_id: UNKNOWN }), ...notFound },
    ],
  },
  mailbox_forget: {
    malformed: { request: TOO_LONG, names: "client_id" },
    cases: [
      {
        title: "lets a client begin again",
        request: acknowledged,
        async answers(answer, { asked }) {
          expect(answer).toEqual({ forgotten: true });
          expect((await asked.call(mailbox_cursor, { client_id })).unread).toBe(2);
          expect(await asked.call(mailbox_forget, { client_id })).toEqual({ forgotten: false });
        },
      },
    ],
  },
};
