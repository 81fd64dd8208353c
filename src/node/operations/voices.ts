import { type Decoded, documented, optional, struct } from "../../core/json/json-codec.ts";
import { u32 } from "../../core/json/json-scalars.ts";
import { boundedText, clippedText, count, oneOf, plainList } from "../../wire/frame/bounded.ts";
import { operation } from "./operation.ts";
import { nothing } from "./shapes.ts";

/** Ours. Each is a process of some 30 MB with a carrier of its own. */
export const VOICES_MAX = 32;
/** Ours. A name is that of a folder, which no system lets be longer. */
const NAME_MAX = 255;

const voice = struct(
  "voice",
  {
    name: boundedText("name", NAME_MAX),
    state: documented("waiting: it ended and is started again later", oneOf("state", ["running", "waiting", "ended"])),
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

/** Throws as `voices`, and `conflict` when there are too many. */
export const voices_start = operation({
  name: "voices_start",
  summary: "Start the voices whose data roots have come since",
  scope: "owner",
  request: nothing,
  answer: voices_,
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

export const VOICE_OPERATIONS = { voices, voices_start, voice_end };
