import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import type { Neighbours } from "../core/agents/trust.ts";
import type { Clock, UnixMs } from "../core/clock.ts";
import { EntmootError } from "../core/errors.ts";
import { PublicKey } from "../core/ids.ts";
import { codeOf } from "../core/system-error.ts";
import { moveFile } from "../files/guarded-files.ts";
import { isCompiled } from "../host/compiled.ts";
import { readIdentity } from "../host/identity-file.ts";
import type { Log } from "../host/log.ts";
import { type RunningProgram, variablesOf } from "../host/running-program.ts";
import type { Operations, RequestOf } from "../node/operations/operation.ts";
import { type AddedVoice, VOICES_MAX, type VoiceState, type voice_add } from "../node/operations/voices.ts";
import type { NodeStore } from "../store/node-store.ts";
import { letJoin, linkInto, localMoot, makeVoiceRoot } from "./add-voice.ts";
import { neighboursLine } from "./neighbour-keys.ts";
import type { GlobalOptions } from "./options.ts";
import { VoiceProcess, type VoiceProgram } from "./voice-process.ts";

/** Below the data root: one folder for each voice, a data root of its own. */
export const VOICES_FOLDER = "voices";

/** A voice's name is the name of a folder and a word on the command line. */
const VOICE_NAME = /^[a-z0-9][a-z0-9._-]{0,62}$/;

/** `text` as the name of a voice. Throws `invalid_argument`. */
export function parseVoiceName(label: string, text: string): string {
  if (VOICE_NAME.test(text)) return text;
  const expected = "expected 1 to 63 of a-z, 0-9, '.', '_' and '-', the first a letter or digit";
  throw new EntmootError("invalid_argument", `${label}: ${expected}, found ${JSON.stringify(text.slice(0, 80))}`);
}

/** The data root of a voice. */
export function voiceFolder(dataDir: string, name: string): string {
  return join(dataDir, VOICES_FOLDER, name);
}

/** Voices that have a data root with a key, by name. */
export function voicesOf(dataDir: string): string[] {
  let names: string[];
  try {
    names = readdirSync(join(dataDir, VOICES_FOLDER));
  } catch (error) {
    if (codeOf(error) === "ENOENT") return [];
    throw new EntmootError("data_root_invalid", `${join(dataDir, VOICES_FOLDER)}: ${codeOf(error) ?? String(error)}`);
  }
  return names.filter((name) => VOICE_NAME.test(name) && hasKey(voiceFolder(dataDir, name))).sort();
}

/** Renames the folder of a voice that has ended, so that it is none any more. Gives where it is. */
export function setVoiceAside(dataDir: string, name: string, now: UnixMs): string {
  const aside = voiceFolder(dataDir, `.removed-${name}-${now}`);
  moveFile(voiceFolder(dataDir, name), aside);
  return aside;
}

function hasKey(folder: string): boolean {
  return statSync(join(folder, "identity.json"), { throwIfNoEntry: false })?.isFile() === true;
}

/** The key in the data root of a voice; `undefined` where it cannot be read. */
export function voiceKey(folder: string): PublicKey | undefined {
  try {
    const identity = readIdentity(join(folder, "identity.json"));
    return identity && PublicKey.fromBytes(identity.publicKey);
  } catch (error) {
    if (error instanceof EntmootError) return undefined;
    throw error;
  }
}

export interface VoicesParts {
  readonly options: GlobalOptions;
  readonly program: RunningProgram;
  readonly clock: Clock;
  readonly log: Log;
  /** The node above, once it is open. */
  readonly node: () => Operations & { neighbours: Neighbours; readonly key: PublicKey };
  readonly settings: NodeStore;
}

/** The voices of a data root, each a daemon below this one. */
export class Voices implements AsyncDisposable {
  readonly #parts: VoicesParts;
  readonly #processes = new Map<string, VoiceProcess>();
  #adding: Promise<unknown> = Promise.resolve();

  constructor(parts: VoicesParts) {
    this.#parts = parts;
  }

  /** Starts those that have come since. Throws `conflict` when there are too many, once the others run. */
  start(): void {
    const { options } = this.#parts;
    const left = voicesOf(options.dataDir).filter((name) => !this.#started(name));
    this.#tellKeys();
    if (left.length === 0) return;
    throw new EntmootError(
      "conflict",
      `voices: at most ${VOICES_MAX} run below one daemon; not started: ${left.join(", ")}`,
    );
  }

  /** One after another: of two that found the local moot at once, the second finds it. */
  add(request: RequestOf<typeof voice_add>, signal: AbortSignal): Promise<AddedVoice> {
    const added = this.#adding.catch(() => {}).then(() => this.#add(request, signal));
    this.#adding = added;
    return added;
  }

  async #add({ group_id, link, name }: RequestOf<typeof voice_add>, signal: AbortSignal): Promise<AddedVoice> {
    const { clock, node, options, settings } = this.#parts;
    parseVoiceName("voice", name);
    const folder = voiceFolder(options.dataDir, name);
    await makeVoiceRoot(folder, name);
    if (!this.#started(name)) throw new EntmootError("conflict", `voices: at most ${VOICES_MAX} run below one daemon`);
    this.#tellKeys();
    const groupId = group_id ?? (link === undefined ? await localMoot(node(), settings) : undefined);
    const linkOf = async () => link ?? (await linkInto(node(), groupId!));
    const joined = await letJoin(folder, { clock, groupId, link: linkOf, signal });
    return {
      data_dir: folder,
      agent_socket: join(folder, "agent.sock"),
      group_id: joined,
      voice: this.#processes.get(name)!.state,
    };
  }

  /** Starts it unless it runs; `false` when there are too many. */
  #started(name: string): boolean {
    const { clock, log, options } = this.#parts;
    if (this.#processes.has(name)) return true;
    if (this.#processes.size >= VOICES_MAX) return false;
    const program = voiceProgram(this.#parts, voiceFolder(options.dataDir, name));
    this.#processes.set(name, new VoiceProcess(name, { program, clock, log }));
    return true;
  }

  /** Ends one, for good: its folder is about to go. */
  async end(name: string): Promise<void> {
    await this.#processes.get(name)?.[Symbol.asyncDispose]();
    this.#processes.delete(name);
    this.#tellKeys();
  }

  /** Each of them, and the node above, knows the keys of the others from now on. */
  #tellKeys(): void {
    const { node, options } = this.#parts;
    const keys = [...this.#processes.keys()].flatMap((name) => voiceKey(voiceFolder(options.dataDir, name)) ?? []);
    if (keys.length === 0) return;
    const voices = new Set(keys);
    node().neighbours = { operator: node().neighbours.operator, voices };
    const line = neighboursLine({ operator: node().key, voices });
    for (const voice of this.#processes.values()) voice.tell(line);
  }

  states(): VoiceState[] {
    return Array.from(this.#processes.values(), ({ state }) => state);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(Array.from(this.#processes.values(), (voice) => voice[Symbol.asyncDispose]()));
  }
}

/** Ours alone: what a voice has its own of. */
const NOT_INHERITED = [
  "ENTMOOT_DATA",
  "ENTMOOT_IDENTITY",
  "ENTMOOT_AGENT_SOCKET",
  "ENTMOOT_IROH_PORT",
  "ENTMOOT_PASSPHRASE",
];

/** The same program, on the voice's data root, reached as this node is. */
export function voiceProgram(
  { options, program }: Pick<VoicesParts, "options" | "program">,
  folder: string,
): VoiceProgram {
  const env = { ...variablesOf(program) };
  for (const name of NOT_INHERITED) delete env[name];
  const flags: readonly (readonly [name: string, value: string])[] = [
    ["data", folder],
    ["transport", options.transport],
    ["relay", relayWord(options)],
    ["iroh-bind", options.irohBind.join(",")],
    ["lan", options.lan ? "on" : "off"],
    ["socket", options.pilotSocket],
    ["listen-port", String(options.listenPort)],
    ["log-level", options.logLevel],
  ];
  const args = flags.filter(([, value]) => value !== "").flatMap(([name, value]) => [`-${name}`, value]);
  const relays = options.relay.kind === "urls" ? options.relay.urls.slice(1).flatMap((url) => ["-relay", url]) : [];
  const hiding = options.hideIp ? ["-hide-ip"] : [];
  const tracing = [
    ...(options.traceGossipTransport ? ["-trace-gossip-transport"] : []),
    ...(options.traceReconcile ? ["-trace-reconcile"] : []),
  ];
  // From source the program is its first argument.
  const script = isCompiled() ? [] : program.argv.slice(1, 2);
  return {
    path: program.path,
    args: [...script, ...args, ...relays, ...hiding, ...tracing, "serve", "-supervised"],
    env,
  };
}

function relayWord({ relay }: GlobalOptions): string {
  return relay.kind === "urls" ? (relay.urls[0] ?? "") : relay.kind;
}
