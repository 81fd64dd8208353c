import { join } from "node:path";
import { keepAttachment, readAttachments } from "../../agent/setup/attachments.ts";
import type { HostSetup } from "../../agent/setup/host-setups.ts";
import { addEntry, entryText, hostVersion } from "../../agent/setup/set-up.ts";
import { ControlClient } from "../../control/control-client.ts";
import { encodeUtf8 } from "../../core/bytes/utf8.ts";
import { EntmootError } from "../../core/errors.ts";
import { GroupId, MessageId } from "../../core/ids.ts";
import { openDaemon } from "../../daemon/open-operations.ts";
import type { GlobalOptions } from "../../daemon/options.ts";
import { printJson, printProse } from "../../host/print.ts";
import { realClock } from "../../host/real-clock.ts";
import { status } from "../../node/operations/daemon.ts";
import { publish } from "../../node/operations/messages.ts";
import type { Operations } from "../../node/operations/operation.ts";
import { voice_add } from "../../node/operations/voices.ts";
import { hostPlaces, serverEntry } from "../line/host-argument.ts";

export interface AttachAsked {
  readonly groupId: GroupId | undefined;
  readonly link: string | undefined;
  /** `undefined`: this node itself speaks. */
  readonly voice: string | undefined;
}

/** Who an agent speaks as, and where it is let in. */
export interface AttachedAs {
  readonly dataDir: string;
  readonly agentSocket: string;
  readonly groupId: GroupId | undefined;
}

/** The voice that was asked for, made where there is none; or this node. */
export async function attachedAs(
  options: GlobalOptions,
  daemon: Operations,
  { groupId, link, voice }: AttachAsked,
): Promise<AttachedAs> {
  const { dataDir } = options;
  if (voice === undefined) return { dataDir, agentSocket: join(dataDir, "agent.sock"), groupId };
  printProse(`attach: voice ${voice} starts and joins`);
  const added = await daemon.call(voice_add, { name: voice, group_id: groupId, link });
  return { dataDir: added.data_dir, agentSocket: added.agent_socket, groupId: added.group_id };
}

/** Sets a host up for a voice, publishes a test message to it, and says what is to be done next. */
export async function attachHost(
  options: GlobalOptions,
  { isDry, setup, ...asked }: AttachAsked & { readonly setup: HostSetup; readonly isDry: boolean },
): Promise<void> {
  const parts = { clock: realClock, places: hostPlaces() };
  const version = await hostVersion(setup, parts);
  const flags = asked.voice === undefined ? ["-group", GroupId.toBase64(asked.groupId!)] : [];
  if (isDry) {
    const entry = serverEntry(
      join(options.dataDir, asked.voice === undefined ? "" : `voices/${asked.voice}`, "agent.sock"),
      flags,
    );
    printJson({
      dry_run: true,
      entry: entryText(setup.way(entry, parts.places), setup.program),
      host: setup.host,
      version,
      voice: asked.voice ?? null,
    });
    return;
  }
  await using daemon = await openDaemon(options);
  const as = await attachedAs(options, daemon, asked);
  const entry = serverEntry(as.agentSocket, flags);
  const earlier = readAttachments(options.dataDir).find(
    ({ host, project }) => host === setup.host && project === parts.places.project,
  );
  const files = await addEntry(setup, entry, parts);
  const test = asked.voice === undefined ? undefined : await publishTest(daemon, as);
  keepAttachment(options.dataDir, {
    host: setup.host,
    project: parts.places.project,
    entry: entry.name,
    version,
    ...(asked.voice === undefined ? {} : { voice: asked.voice }),
    data_dir: as.dataDir,
    at_ms: realClock.unix(),
    // A second time changes what the first one did, and what was before that is what detach goes back to.
    files: files.map((file) => ({
      ...file,
      before: earlier?.files.find(({ path }) => path === file.path)?.before ?? file.before,
    })),
    ...(test === undefined ? {} : { test }),
  });
  printProse(`attach: start ${setup.title} again in ${parts.places.project}: its first start hears the test message`);
  printProse(`attach: it asks its user before it answers; to allow that: ${setup.allow}`);
  printJson({
    agent_socket: as.agentSocket,
    event: "attached",
    group_id: as.groupId === undefined ? null : GroupId.toBase64(as.groupId),
    host: setup.host,
    next: `start ${setup.title} again; then: entmootd attach -status`,
    test: test ?? null,
    version,
    voice: asked.voice ?? null,
  });
}

/** Says something to the voice that needs no answer; what becomes of it shows whether the way works. */
async function publishTest(
  daemon: Operations,
  as: AttachedAs,
): Promise<{ group_id: string; message_id: string } | undefined> {
  if (as.groupId === undefined) return undefined;
  await using voice = await ControlClient.connect(as.dataDir, realClock);
  const { groups } = voice === undefined ? { groups: [] } : await voice.call(status, {});
  const self = groups.find(({ group_id }) => group_id === as.groupId);
  if (self === undefined)
    throw new EntmootError("unavailable", "attach: the voice does not answer; see the log of the daemon");
  const words = `@${self.local_node_id} This is a test that messages of this moot reach you. Call entmoot_ack with its id; no answer is needed.`;
  const request = { group_id: as.groupId, topics: ["entmoot/test"], content: encodeUtf8(words) };
  const { message_id } = await daemon.call(publish, request);
  return { group_id: GroupId.toBase64(as.groupId), message_id: MessageId.toBase64(message_id) };
}
