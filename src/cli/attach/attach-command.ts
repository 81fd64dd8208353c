import { newNonce } from "../../agent/new-nonce.ts";
import {
  type Attachment,
  forgetAttachment,
  holdAttachments,
  isSame,
  keepAttachment,
  readAttachments,
  TERMINAL,
} from "../../agent/setup/attachments.ts";
import { runInTerminal } from "../../agent/terminal/run-in-terminal.ts";
import { standardTerminal } from "../../agent/terminal/user-terminal.ts";
import { textOf } from "../../core/errors.ts";
import { GroupId } from "../../core/ids.ts";
import { openDaemon } from "../../daemon/open-operations.ts";
import type { GlobalOptions } from "../../daemon/options.ts";
import { printProse } from "../../host/print.ts";
import { realClock } from "../../host/real-clock.ts";
import { hostPlaces } from "../line/host-argument.ts";
import { type AttachAsked, type AttachedAs, attachedAs, testedIn } from "./attached-as.ts";
import { BridgeInto } from "./bridge-into.ts";
import { endTest, publishTest, type SelfTest, type TestEnd, testEnd } from "./self-test.ts";

interface CommandAsked extends AttachAsked {
  readonly command: string;
  readonly args: readonly string[];
  readonly isAgent: boolean;
}

/** Runs a command in this terminal and types into it what wakes its agent, until it ends; its exit status is this one's. */
export async function attachCommand(
  options: GlobalOptions,
  { args, command, isAgent, ...asked }: CommandAsked,
): Promise<void> {
  const { as, test } = await settled(options, asked);
  const kept = await keep(options, { as, asked, command, test });
  const env = { ...process.env, ENTMOOT_AGENT_SOCKET: as.agentSocket, ENTMOOT_DATA: undefined };
  const user = standardTerminal(realClock);
  const ending = new AbortController();
  for (const name of ["SIGTERM", "SIGHUP", "SIGINT", "SIGQUIT"] as const) process.on(name, () => ending.abort());
  const running = await runInTerminal({ command, args, env, clock: realClock, user, isAgent, signal: ending.signal });
  const bridge = new BridgeInto(as, {
    agent: `terminal ${running.pid}`,
    door: running.door,
    groupId: asked.voice === undefined ? asked.groupId : undefined,
    hasSocket: true,
    host: command.slice(-64),
    nonce: newNonce,
  });
  const tested = test === undefined ? undefined : shownTest(as, test, ending.signal).catch(textOf);
  const end = await running.ended;
  ending.abort();
  await bridge[Symbol.asyncDispose]();
  const [failure, found] = await Promise.all([bridge.failed, tested]);
  // Said now: while the program's screen was up it would have stood across it.
  if (failure !== undefined) printProse(`attach: messages did not reach ${command} to the end: ${failure}`);
  if (typeof found === "object" && !found.isHeard) {
    const why = found.held === undefined ? "" : ` (${found.held})`;
    printProse(`attach: the test message did not reach ${command}: ${found.state}${why}`);
  } else if (typeof found === "object") {
    const seen = found.state === "uncertain" ? "was typed in and taken" : `is ${found.state}`;
    printProse(`attach: the test message ${seen} (${running.door.name})`);
  }
  await endTest(kept);
  using _lock = await holdAttachments(options.dataDir, realClock);
  forgetAttachment(options.dataDir, kept);
  process.exitCode = end.status ?? 1;
}

/** What became of a test: once it was typed in, its agent need not say that it saw it. */
async function shownTest({ dataDir }: AttachedAs, test: SelfTest, signal: AbortSignal): Promise<TestEnd> {
  const found = await testEnd(dataDir, test, signal);
  if (found.isHeard) await endTest({ data_dir: dataDir, test });
  return found;
}

/** The voice, and a test message that waits for it. */
async function settled(
  options: GlobalOptions,
  asked: AttachAsked,
): Promise<{ as: AttachedAs; test: SelfTest | undefined }> {
  await using daemon = await openDaemon(options);
  const as = await attachedAs(options, daemon, asked);
  const groupId = await testedIn(daemon, asked, as);
  return { as, test: groupId === undefined ? undefined : await publishTest(daemon, { ...as, groupId }) };
}

/** For `attach -status`, as long as it runs. */
async function keep(
  options: GlobalOptions,
  { as, asked, command, test }: { as: AttachedAs; asked: AttachAsked; command: string; test: SelfTest | undefined },
): Promise<Attachment> {
  const kept = {
    host: TERMINAL,
    project: hostPlaces().project,
    entry: command,
    version: "",
    ...(asked.voice === undefined ? {} : { voice: asked.voice }),
    ...(as.groupId === undefined ? {} : { group_id: GroupId.toBase64(as.groupId) }),
    data_dir: as.dataDir,
    at_ms: realClock.unix(),
    files: [],
    ...(test === undefined ? {} : { test }),
  };
  using _lock = await holdAttachments(options.dataDir, realClock);
  // Of one that was killed, with the same voice.
  const earlier = readAttachments(options.dataDir).find((each) => isSame(each, kept));
  keepAttachment(options.dataDir, kept);
  if (earlier !== undefined) await endTest(earlier);
  return kept;
}
