import { readAttachments } from "../../agent/setup/attachments.ts";
import { ControlClient } from "../../control/control-client.ts";
import { GroupId, MessageId } from "../../core/ids.ts";
import type { GlobalOptions } from "../../daemon/options.ts";
import { printJson } from "../../host/print.ts";
import { realClock } from "../../host/real-clock.ts";
import { inbox_read } from "../../node/operations/inbox.ts";
import { deliveries } from "../../node/operations/listen.ts";

/** What is attached, whether somebody listens for it, what waits, and what became of the test. */
export async function showStatus(options: GlobalOptions): Promise<void> {
  const attached = await Promise.all(
    readAttachments(options.dataDir).map(async ({ data_dir, host, project, test, version, voice }) => ({
      host,
      project,
      ...(await stateOf(data_dir, test)),
      version,
      voice: voice ?? null,
    })),
  );
  const own = await stateOf(options.dataDir, undefined);
  printJson({ attached, this_node: own });
}

async function stateOf(dataDir: string, test: { group_id: string; message_id: string } | undefined) {
  await using client = await ControlClient.connect(dataDir, realClock).catch(() => undefined);
  if (client === undefined) return { daemon: false };
  const { limits, listeners, rules, turns, waiting } = await client.call(deliveries, { limit: 50 });
  return {
    daemon: true,
    listeners: listeners.map(({ agent, can_wake, door, host, turns: handed }) => ({
      agent,
      can_wake,
      door,
      host,
      turns: handed,
    })),
    ...(test === undefined ? {} : { test: await testState(client, test) }),
    limits,
    rules: rules.map(({ deliver, from, group_id }) => ({ deliver, from, group_id: GroupId.toBase64(group_id) })),
    turns: turns.map(({ author_pubkey, group_id, last_ms, turns: caused }) => ({
      author_pubkey: author_pubkey.toBase64(),
      group_id: GroupId.toBase64(group_id),
      last_ms: Number(last_ms),
      turns: caused,
    })),
    waiting: waiting.map(({ group_id, held, message_id, state }) => ({
      group_id: GroupId.toBase64(group_id),
      ...(held === undefined ? {} : { held }),
      message_id: MessageId.toBase64(message_id),
      state,
    })),
  };
}

async function testState(
  client: ControlClient,
  { group_id, message_id }: { group_id: string; message_id: string },
): Promise<string> {
  const request = {
    group_id: GroupId.fromBytes(Uint8Array.fromBase64(group_id)),
    message_id: MessageId.fromBytes(Uint8Array.fromBase64(message_id)),
    peek: true,
  };
  const found = await client.call(inbox_read, request).catch(() => undefined);
  return found?.row.state ?? "not here yet";
}
