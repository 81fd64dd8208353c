import { expect, test } from "bun:test";
import { PublicKey, RosterEntryId } from "../../../src/core/ids.ts";
import { messageCanonical } from "../../../src/core/record/message.ts";
import { MACHINE_DEFAULTS } from "../../../src/machine/machine-config.ts";
import { roster_change } from "../../../src/node/operations/moots.ts";
import { encodeFrame, type Frame } from "../../../src/wire/peer/frame.ts";
import { lengthenRoster } from "../../support/long-roster.ts";
import { message } from "../../support/message.ts";
import { ALICE, FOUNDER, nodeWithRawMember, STRANGER } from "../../support/raw-member.ts";
import { RawPeer } from "../../support/raw-peer.ts";
import { statusQuestion } from "../../support/status-question.ts";

/** Who is past its part waits far longer than this test. */
const config = {
  ...MACHINE_DEFAULTS,
  work: { ...MACHINE_DEFAULTS.work, waitMaxMs: 600_000 },
  held: { ...MACHINE_DEFAULTS.held, answers: { ...MACHINE_DEFAULTS.held.answers, perPeerBytes: 850_000 } },
};

test("a member that leaves answers unread keeps nobody from the roster by asking for it too", async () => {
  await using it = await nodeWithRawMember({ parts: { config } });
  const { alice, group_id, network, node } = it;
  const key = PublicKey.fromBytes(STRANGER.publicKey);
  await node.call(roster_change, { group_id, op: "add", entmoot_pubkey: key });
  await lengthenRoster(alice, group_id, 300);
  const body = message({ by: ALICE, group_id, content: new Uint8Array(600_000) });
  await alice.say({ kind: "push", group_id, bodies: [messageCanonical(body)] });
  const signal = AbortSignal.timeout(60_000);
  const open = async (frame: Frame) => {
    const stream = await alice.transport.open(PublicKey.fromBytes(FOUNDER.publicKey), { hints: [], signal });
    await stream.write(encodeFrame(frame, stream.dialect), signal);
    return stream;
  };
  const unread = await open({ kind: "fetch_many_req", group_id, ids: [body.id] });
  await unread.read(1, signal);
  const page = { kind: "roster_page_req", group_id, after: RosterEntryId.zero } as const;
  for (let n = 0; n < 4; n++) await open(page);
  await alice.say(statusQuestion(group_id));
  const bob = new RawPeer(network, STRANGER, FOUNDER);
  expect(await bob.say(page)).toMatchObject([{ kind: "roster_page_resp" }]);
});
