import { type Decoded, documented, optional, struct } from "../../core/json/json-codec.ts";
import { groupId, u32 } from "../../core/json/json-scalars.ts";
import { boundedText, clippedText, count, oneOf, plainList } from "../../wire/frame/bounded.ts";
import { operation } from "./operation.ts";
import { nothing } from "./shapes.ts";

/** Ours. Each is a process of some 30 MB with a carrier of its own. */
export const VOICES_MAX = 32;
/** Ours. A name is that of a folder, which no system lets be longer. */
const NAME_MAX = 255;
/** Ours. As links and paths have at most elsewhere. */
const LINK_MAX = 4096;
const PATH_MAX = 16_384;

const voice = struct(
  "voice",
  {
    name: boundedText("name", NAME_MAX),
    state: documented(
      "starting: nobody reaches it yet; waiting: it ended and is started again later",
      oneOf("state", ["starting", "running", "waiting", "ended"]),
    ),
    pid: documented("absent while it does not run", optional(u32)),
    restarts: documented("how often it was started again", count),
    failure: documented("how it ended the last time; absent: it never did", optional(clippedText("failure", 256))),
  },
  { required: ["name", "state", "restarts"] },
);

export type VoiceState = Decoded<typeof voice>;

const voices_ = struct("voices", { voices: plainList(voice, VOICES_MAX) }, { required: ["voices"] });

/** Throws `unsupported` where no daemon keeps voices. */
export const voices = operation({
  name: "voices",
  summary: "The agents of this machine that have a key of their own, each a daemon below this one",
  onlyLooks: true,
  scope: "owner",
  request: nothing,
  answer: voices_,
  needsDaemon: true,
});

const newVoice = struct(
  "new voice",
  {
    name: documented(
      "1 to 63 of a-z, 0-9, '.', '_' and '-'; also how it is shown to others",
      boundedText("name", NAME_MAX),
    ),
    group_id: documented(
      "the moot it joins; absent: the local one of this node, which is founded where there is none",
      optional(groupId),
    ),
    link: documented(
      "by which it joins, where this node may not make one; of any moot",
      optional(boundedText("link", LINK_MAX)),
    ),
  },
  { required: ["name"] },
);

const addedVoice = struct(
  "added voice",
  {
    data_dir: documented("its data root", boundedText("data_dir", PATH_MAX)),
    agent_socket: documented("where its agent is let in", boundedText("agent_socket", PATH_MAX)),
    group_id: documented(
      "the moot it is in; absent from a daemon of before, where a link led to it",
      optional(groupId),
    ),
    voice,
  },
  { required: ["data_dir", "agent_socket", "voice"] },
);

export type AddedVoice = Decoded<typeof addedVoice>;

/** Ours. A key is made, a daemon started, a moot joined. */
const ADD_PATIENCE_MS = 180_000;

/** The same again changes nothing. Throws as `voices`, `invalid_argument`, `conflict` when there are too many, and as `link_create` and `join`. */
export const voice_add = operation({
  name: "voice_add",
  summary: "Give an agent of this machine a key of its own, and let it join a moot",
  scope: "owner",
  request: newVoice,
  answer: addedVoice,
  patienceMs: ADD_PATIENCE_MS,
  needsDaemon: true,
});

const named = struct("voice named", { name: boundedText("name", NAME_MAX) }, { required: ["name"] });

/** Throws as `voices`. One that does not run is ended too. */
export const voice_end = operation({
  name: "voice_end",
  summary: "End one voice's daemon, before its folder is removed",
  scope: "owner",
  request: named,
  answer: nothing,
  needsDaemon: true,
});

export const VOICE_OPERATIONS = { voices, voice_add, voice_end };
