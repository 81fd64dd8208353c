import { expect, test } from "bun:test";
import { MerkleRoot, PublicKey } from "../../../src/core/ids.ts";
import { roster_change } from "../../../src/node/operations/moots.ts";
import { FramedStream } from "../../../src/transport/framed-stream.ts";
import { type Frame, peerLanguage } from "../../../src/wire/peer/frame.ts";
import { until } from "../../support/nodes.ts";
import { FOUNDER, nodeWithRawMember, STRANGER } from "../../support/raw-member.ts";
import { RawPeer } from "../../support/raw-peer.ts";
import { statusQuestion } from "../../support/status-question.ts";

const more = { merkle_root: MerkleRoot.fromHex("aa".repeat(32)), message_count: 9 };

/** Notes what `peer` is asked, and answers only with what `answer` gives. */
function listen(peer: RawPeer, answer: (question: Frame) => Frame | undefined = () => undefined): string[] {
  const asked: string[] = [];
  peer.transport.accept(async (stream) => {
    const signal = AbortSignal.timeout(10_000);
    const frames = new FramedStream(stream, peerLanguage(stream.dialect));
    const question = await frames.read(signal);
    if (question === undefined || question.kind === "unknown_extension") return;
    asked.push(question.kind);
    const reply = answer(question);
    if (reply === undefined) return;
    await frames.write(reply, signal);
    await frames.finish();
  });
  return asked;
}

test("a question alone makes the asked side compare", async () => {
  await using it = await nodeWithRawMember();
  const asked = listen(it.alice);
  expect(await it.alice.say(statusQuestion(it.group_id, more))).toMatchObject([{ kind: "status_resp" }]);
  await until(() => asked.includes("ids_req"));
});

test("a question asked again and again is answered every time and compared once", async () => {
  await using it = await nodeWithRawMember();
  const asked = listen(it.alice, (question) =>
    question.kind === "ids_req"
      ? { kind: "ids_resp", group_id: it.group_id, ids: new Uint8Array(0), next: undefined }
      : undefined,
  );
  const question = statusQuestion(it.group_id, more);
  const answers = await it.alice.say(...Array.from({ length: 200 }, () => question));
  expect(answers.map(({ kind }) => kind)).toEqual(answers.map(() => "status_resp"));
  expect(answers).toHaveLength(200);
  await it.alice.say(question);
  expect(asked.filter((kind) => kind === "ids_req")).toEqual(["ids_req"]);
});

test("who is no member is refused, and what it says is not looked at", async () => {
  await using it = await nodeWithRawMember();
  const stranger = new RawPeer(it.network, STRANGER, FOUNDER);
  const asked = listen(stranger);
  for (let i = 0; i < 3; i++) {
    const question = statusQuestion(it.group_id, more);
    expect(await stranger.say(question)).toMatchObject([{ kind: "refused", code: "not_member" }]);
  }
  // Admitted, it is asked at once: nothing was held against it, and nothing would have been missed above.
  const key = PublicKey.fromBytes(STRANGER.publicKey);
  expect(asked).toEqual([]);
  await it.node.call(roster_change, { group_id: it.group_id, op: "add", entmoot_pubkey: key });
  await stranger.say(statusQuestion(it.group_id, more));
  await until(() => asked.includes("ids_req"));
});
