import { expect } from "bun:test";
import { encodeUtf8 } from "../../src/core/bytes/utf8.ts";
import { type GroupId, MessageId, PublicKey } from "../../src/core/ids.ts";
import { publish } from "../../src/node/operations/messages.ts";
import { group_create, roster_change } from "../../src/node/operations/moots.ts";
import { type RECEIPT_OPERATIONS, receipt_settings, receipts } from "../../src/node/operations/receipts.ts";
import { identity } from "../support/identity.ts";
import { OPEN_GROUP } from "../support/nodes.ts";
import type { CasesOf } from "./operations.contract.ts";
import { type Stage, UNKNOWN } from "./operations-stage.ts";

const OTHER = identity(2);

/** A message of the node that names another member. */
async function asking({ group_id, node }: Stage): Promise<MessageId> {
  const { subject } = await node.call(roster_change, {
    group_id,
    op: "add",
    entmoot_pubkey: PublicKey.fromBytes(OTHER.publicKey),
  });
  const content = encodeUtf8(`@${subject.pilot_node_id} well?`);
  return (await node.call(publish, { group_id, topics: ["chat"], content })).message_id;
}

const founded = (group_id: GroupId, changes = {}) => ({
  group_id,
  receipts: true,
  presence: true,
  public: false,
  founder: true,
  ...changes,
});

/** What others say of it is seen of several nodes: test/node/notes. */
export const RECEIPT_CASES: CasesOf<typeof RECEIPT_OPERATIONS> = {
  receipts: {
    malformed: { request: '{"limit":"many"}', names: "limit" },
    cases: [
      {
        title: "lists own messages that asked somebody, with whom, and that nothing is known",
        async request(stage) {
          await stage.publish("nobody is meant");
          await asking(stage);
          return {};
        },
        answers({ more, rows }, { group_id }) {
          expect(more).toBeFalse();
          expect(rows).toMatchObject([{ group_id, readers: [{ state: "none", since_ms: 0 }] }]);
          expect(rows[0]!.readers[0]!.entmoot_pubkey).toEqual(OTHER.publicKey);
        },
      },
      {
        title: "tells of one message by its id",
        request: async (stage) => ({ message_id: await asking(stage) }),
        answers: ({ rows }) => expect(rows).toMatchObject([{ readers: [{ state: "none" }] }]),
      },
      {
        title: "says that there are more",
        async request(stage) {
          const id = await asking(stage);
          const { rows } = await stage.node.call(receipts, { message_id: id });
          const content = encodeUtf8(`@${rows[0]!.readers[0]!.node_id} again`);
          await stage.node.call(publish, { group_id: stage.group_id, topics: ["chat"], content });
          return { limit: 1 };
        },
        answers({ more, rows }) {
          expect(more).toBeTrue();
          expect(new TextDecoder().decode(rows[0]!.content)).toEndWith("again");
        },
      },
      {
        title: "is refused for a message that is not here",
        request: () => ({ message_id: MessageId.fromBytes(new Uint8Array(32).fill(1)) }),
        fails: { code: "not_found" },
      },
      { title: "is refused for no rows", request: () => ({ limit: 0 }), fails: { code: "invalid_argument" } },
      {
        title: "is refused for a moot that is not here",
        request: () => ({ group_id: UNKNOWN }),
        fails: { code: "group_not_found" },
      },
    ],
  },
  receipt_settings: {
    malformed: { request: '{"send":"yes"}', names: "send" },
    cases: [
      {
        title: "tells what is told, which is all but the host's name",
        request: () => ({}),
        answers: (answer, { group_id }) =>
          expect(answer).toEqual({ send: true, presence: true, show_host: false, moots: [founded(group_id)] }),
      },
      {
        title: "switches it off for this node, and what is not named stays",
        request: () => ({ send: false, show_host: true }),
        async answers(answer, { asked }) {
          expect(answer).toMatchObject({ send: false, presence: true, show_host: true });
          expect(await asked.call(receipt_settings, {})).toEqual(answer);
        },
      },
      {
        title: "switches it off for a moot that this node founded, and on again",
        request: ({ group_id }) => ({ group_id, moot_receipts: false }),
        async answers({ moots }, { asked, group_id }) {
          expect(moots).toEqual([founded(group_id, { receipts: false })]);
          const on = await asked.call(receipt_settings, { group_id, moot_receipts: true, moot_presence: false });
          expect(on.moots).toEqual([founded(group_id, { presence: false })]);
        },
      },
      {
        title: "is refused for a public moot",
        async request({ node }) {
          const { group_id } = await node.call(group_create, { ...OPEN_GROUP, name: "agora", visibility: "public" });
          return { group_id, moot_receipts: true };
        },
        fails: { code: "conflict" },
      },
      {
        title: "is refused for a moot that is not here",
        request: () => ({ group_id: UNKNOWN, moot_receipts: true }),
        fails: { code: "group_not_found" },
      },
      {
        title: "is refused for a moot of which nothing is said",
        request: ({ group_id }) => ({ group_id }),
        fails: { code: "invalid_argument" },
      },
    ],
  },
};
