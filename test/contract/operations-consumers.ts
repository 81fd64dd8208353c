import { expect } from "bun:test";
import {
  type CONSUMER_OPERATIONS,
  consumer_advance,
  consumer_lease,
  consumer_list,
} from "../../src/node/operations/consumers.ts";
import type { CasesOf } from "./operations.contract.ts";
import { HOUR_MS, type Stage, UNKNOWN } from "./operations-stage.ts";

const GROUP = '"group_id":"AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE="';
const consumer = "bot";
const notFound = { fails: { code: "group_not_found" } } as const;

/** The consumer done with the first of two messages. */
async function advanced({ asked, group_id, publish }: Stage) {
  const [first] = await publish("a", "b");
  return asked.call(consumer_advance, { group_id, consumer, place: first!.place });
}

/** The consumer's lease, which one owner has for an hour. */
const leasedBy = ({ asked, group_id }: Stage, owner: string) =>
  asked.call(consumer_lease, { group_id, consumer, owner, ttl_ms: HOUR_MS });

export const CONSUMER_CASES: CasesOf<typeof CONSUMER_OPERATIONS> = {
  consumer_list: {
    malformed: { request: "{}", names: "group_id" },
    cases: [
      {
        title: "gives each reader with its place",
        async request(stage) {
          await advanced(stage);
          return { group_id: stage.group_id };
        },
        async answers({ consumers }, { publish }) {
          expect(consumers).toEqual([
            {
              consumer,
              place: (await publish())[0]!.place,
              owner: undefined,
              token: undefined,
              expires_at_ms: undefined,
            },
          ]);
        },
      },
      { title: "of an unknown moot", request: () => ({ group_id: UNKNOWN }), ...notFound },
    ],
  },
  consumer_advance: {
    malformed: { request: `{${GROUP},"consumer":"${"x".repeat(263)}","place":""}`, names: "consumer" },
    cases: [
      {
        title: "acknowledges up to a place",
        async request({ group_id, publish }) {
          return { group_id, consumer, place: (await publish("a", "b"))[1]!.place };
        },
        async answers(answer, { publish }) {
          expect(answer).toMatchObject({ consumer, place: (await publish())[1]!.place });
        },
      },
      {
        title: "never goes back",
        async request(stage) {
          await advanced(stage);
          return { group_id: stage.group_id, consumer, place: "0" };
        },
        async answers(answer, { publish }) {
          expect(answer.place).toBe((await publish())[0]!.place);
        },
      },
      {
        title: "under a lease that is another's is refused",
        async request(stage) {
          const { consumer: row } = await leasedBy(stage, "one");
          return { group_id: stage.group_id, consumer, place: "0", token: row.token! + 1 };
        },
        fails: { code: "conflict" },
      },
      {
        title: "past the end is a place lost",
        request: ({ group_id }) => ({ group_id, consumer, place: "9" }),
        fails: { code: "place_lost" },
      },
      {
        title: "needs a name",
        request: ({ group_id }) => ({ group_id, consumer: "", place: "0" }),
        fails: { code: "invalid_argument", message: "consumer: expected a name" },
      },
    ],
  },
  consumer_lease: {
    malformed: { request: `{${GROUP},"consumer":"a","owner":"b","ttl_ms":-1}`, names: "ttl_ms" },
    cases: [
      {
        title: "is granted where nobody has it",
        request: ({ group_id }) => ({ group_id, consumer, owner: "one", ttl_ms: HOUR_MS }),
        answers: (answer) =>
          expect(answer).toMatchObject({ granted: true, consumer: { consumer, owner: "one", token: 1 } }),
      },
      {
        title: "for longer than a day is refused",
        request: ({ group_id }) => ({ group_id, consumer, owner: "one", ttl_ms: 24 * HOUR_MS + 1 }),
        fails: { code: "invalid_argument", message: expect.stringContaining("at most 86400000 (24 h), got 86400001") },
      },
      {
        title: "is renewed under its token",
        async request(stage) {
          await leasedBy(stage, "one");
          return { group_id: stage.group_id, consumer, owner: "one", ttl_ms: HOUR_MS };
        },
        answers: (answer) => expect(answer).toMatchObject({ granted: true, consumer: { token: 1 } }),
      },
      {
        title: "is not granted while another has it",
        async request(stage) {
          await leasedBy(stage, "one");
          return { group_id: stage.group_id, consumer, owner: "two", ttl_ms: HOUR_MS };
        },
        answers: (answer) => expect(answer).toMatchObject({ granted: false, consumer: { owner: "one" } }),
      },
    ],
  },
  consumer_release: {
    malformed: { request: `{${GROUP},"consumer":"a"}`, names: "token" },
    cases: [
      {
        title: "lets another have the lease",
        async request(stage) {
          const { consumer: row } = await leasedBy(stage, "one");
          return { group_id: stage.group_id, consumer, token: row.token! };
        },
        async answers(answer, stage) {
          expect(answer).toEqual({});
          expect(await leasedBy(stage, "two")).toMatchObject({ granted: true, consumer: { owner: "two" } });
        },
      },
      {
        title: "of another's lease leaves it",
        async request(stage) {
          const { consumer: row } = await leasedBy(stage, "one");
          return { group_id: stage.group_id, consumer, token: row.token! + 1 };
        },
        async answers(_, stage) {
          expect(await leasedBy(stage, "two")).toMatchObject({ granted: false });
        },
      },
    ],
  },
  consumer_forget: {
    malformed: { request: `{${GROUP}}`, names: "consumer" },
    cases: [
      {
        title: "leaves nothing of it",
        async request(stage) {
          await advanced(stage);
          return { group_id: stage.group_id, consumer };
        },
        async answers(answer, { asked, group_id }) {
          expect(answer).toEqual({});
          expect((await asked.call(consumer_list, { group_id })).consumers).toEqual([]);
        },
      },
      {
        title: "of one that is not there does nothing",
        request: ({ group_id }) => ({ group_id, consumer }),
        answers: (answer) => expect(answer).toEqual({}),
      },
    ],
  },
};
