import { QUIET_TEXT_MAX } from "../../core/agents/quiet-hours.ts";
import { documented, optional, struct } from "../../core/json/json-codec.ts";
import { boundedText, count } from "../../wire/frame/bounded.ts";
import { operation } from "./operation.ts";

/** Ours. The most that each may be; a longer chain than that is not counted to its end. */
export const WAKE_BOUNDS = { hops: 32, pair_per_minute: 1000, agent_per_hour: 1000 } as const;

const limit = (meaning: string, name: keyof typeof WAKE_BOUNDS) =>
  documented(`${meaning}; 1 to ${WAKE_BOUNDS[name]}`, count);
const HOPS = limit("a message further than that from where its talk began wakes nobody", "hops");
const PAIR = limit("turns that one author may cause in one moot within a minute", "pair_per_minute");
const AGENT = limit("turns that all together may cause within an hour", "agent_per_hour");
const QUIET = documented(
  "times of this machine's day in which nobody is woken, such as 22:00-07:00,12:30-13:00; what comes then waits for their end. off: none",
  boundedText("quiet", QUIET_TEXT_MAX),
);

export const wakeLimits = struct(
  "wake limits",
  { hops: HOPS, pair_per_minute: PAIR, agent_per_hour: AGENT, quiet: QUIET },
  { required: ["hops", "pair_per_minute", "agent_per_hour", "quiet"] },
);

/** What is absent stays as it is. Durable, and holds at once. Throws `invalid_argument`. */
export const wake_limits = operation({
  name: "wake_limits",
  summary: "How often, how deep in a talk and when this node's agents are woken, told or changed",
  scope: "owner",
  request: struct("wake limits asked for", {
    hops: optional(HOPS),
    pair_per_minute: optional(PAIR),
    agent_per_hour: optional(AGENT),
    quiet: optional(QUIET),
  }),
  answer: wakeLimits,
});

export const WAKE_OPERATIONS = { wake_limits };
