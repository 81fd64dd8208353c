import type { Attachment } from "../../agent/setup/attachments.ts";
import { ControlClient } from "../../control/control-client.ts";
import { encodeUtf8 } from "../../core/bytes/utf8.ts";
import { EntmootError } from "../../core/errors.ts";
import { GroupId, MessageId } from "../../core/ids.ts";
import { realClock } from "../../host/real-clock.ts";
import { status } from "../../node/operations/daemon.ts";
import { inbox_ack, inbox_read } from "../../node/operations/inbox.ts";
import { deliveries, type ListenerRow } from "../../node/operations/listen.ts";
import { publish } from "../../node/operations/messages.ts";
import type { Operations } from "../../node/operations/operation.ts";
import { pause } from "../../transport/wait.ts";
import type { AttachedAs } from "./attached-as.ts";

/** A message that asks an agent and needs no answer: what becomes of it shows whether the way works. */
export interface SelfTest {
  readonly group_id: string;
  readonly message_id: string;
}

/** Ours. A host that takes a message at once is not waited for long. */
const LOOK_EVERY_MS = 200;

/** States in which the host has it, as far as its door can prove, and those that it does not come out of by itself. */
const HEARD: readonly string[] = ["delivered", "read", "acked", "answered", "uncertain"];
const ENDED: readonly string[] = [...HEARD, "refused", "expired"];

/** Says it to the voice. Throws `unavailable` where its daemon does not answer, and as `publish`. */
export async function publishTest(daemon: Operations, as: AttachedAs & { groupId: GroupId }): Promise<SelfTest> {
  await using voice = await ControlClient.connect(as.dataDir, realClock);
  const { groups } = voice === undefined ? { groups: [] } : await voice.call(status, {});
  const self = groups.find(({ group_id }) => group_id === as.groupId);
  if (self === undefined)
    throw new EntmootError("unavailable", "attach: the voice does not answer; see the log of the daemon");
  const words = `@${self.local_node_id} This is a test that messages of this moot reach you. Acknowledge it as is said below; no answer is needed.`;
  const request = { group_id: as.groupId, topics: ["entmoot/test"], content: encodeUtf8(words) };
  const { message_id } = await daemon.call(publish, request);
  return { group_id: GroupId.toBase64(as.groupId), message_id: MessageId.toBase64(message_id) };
}

/** What the voice's ledger says of it. */
export async function testState(client: Operations, test: SelfTest): Promise<string> {
  const found = await client.call(inbox_read, { ...named(test), peek: true }).catch(() => undefined);
  return found?.row.state ?? "not here yet";
}

/** Whether its agent was shown it: it need not say so itself then. What was given and left no trace its agent may still ask for. */
export function wasShown(state: string): boolean {
  return state === "delivered" || state === "read";
}

/** Nobody waits for it any more: it is unread no longer, and handed to nobody. Where its daemon does not answer it stays. */
export async function endTest({ data_dir, test }: Pick<Attachment, "data_dir" | "test">): Promise<void> {
  if (test === undefined) return;
  await using client = await ControlClient.connect(data_dir, realClock).catch(() => undefined);
  if (client !== undefined) await ackTest(client, test);
}

export async function ackTest(client: Operations, test: SelfTest): Promise<void> {
  await client.call(inbox_ack, named(test)).catch(() => {});
}

function named({ group_id, message_id }: SelfTest) {
  return {
    group_id: GroupId.fromBytes(Uint8Array.fromBase64(group_id)),
    message_id: MessageId.fromBytes(Uint8Array.fromBase64(message_id)),
  };
}

/** What became of a test, and why it waits. */
export interface TestEnd {
  readonly state: string;
  readonly isHeard: boolean;
  readonly isOver: boolean;
  readonly held: string | undefined;
}

/** Resolves once the host has it or never will, or `signal` aborts. */
export async function testEnd(dataDir: string, test: SelfTest, signal: AbortSignal): Promise<TestEnd> {
  for (;;) {
    const found = await lookAt(dataDir, test);
    if (found.isOver || signal.aborted) return found;
    await pause(realClock, LOOK_EVERY_MS, signal);
  }
}

async function lookAt(dataDir: string, test: SelfTest): Promise<TestEnd> {
  // The voice may be started again meanwhile.
  await using client = await ControlClient.connect(dataDir, realClock).catch(() => undefined);
  if (client === undefined) return { state: "not here yet", isHeard: false, isOver: false, held: "no daemon answers" };
  const state = await testState(client, test);
  const { waiting } = await client.call(deliveries, {});
  const held = waiting.find(({ message_id }) => MessageId.toBase64(message_id) === test.message_id)?.held;
  return { state, isHeard: HEARD.includes(state), isOver: ENDED.includes(state), held };
}

/** Who listens for the agent of a data root in a host and can wake it. */
export async function listenerIn(dataDir: string, host: string): Promise<ListenerRow | undefined> {
  await using client = await ControlClient.connect(dataDir, realClock).catch(() => undefined);
  if (client === undefined) return undefined;
  const { listeners } = await client.call(deliveries, {});
  return listeners.find((each) => each.host === host && each.can_wake);
}
