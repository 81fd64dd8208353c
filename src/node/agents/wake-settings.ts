import { parseQuietHours, quietHoursText } from "../../core/agents/quiet-hours.ts";
import { EntmootError } from "../../core/errors.ts";
import { WAKE_DEFAULTS, type WakeLimits } from "../../machine/wake-guards.ts";
import type { DataRoot } from "../../store/data-root.ts";
import type { NodeStore } from "../../store/node-store.ts";
import type { AnswerOf, RequestOf } from "../operations/operation.ts";
import { WAKE_BOUNDS, type wake_limits } from "../operations/wake.ts";
import type { Listeners } from "./listeners.ts";

const SETTING = "wake";

/** Where what is kept cannot be read, the defaults hold. */
export function readWakeLimits(store: Pick<NodeStore, "getSetting">): WakeLimits {
  try {
    const kept: Readonly<Record<string, unknown>> = JSON.parse(store.getSetting(SETTING) ?? "{}") ?? {};
    return {
      ...WAKE_DEFAULTS,
      hopsMax: numberOf(kept.hops, "hops") ?? WAKE_DEFAULTS.hopsMax,
      pairPerMinute: numberOf(kept.pair_per_minute, "pair_per_minute") ?? WAKE_DEFAULTS.pairPerMinute,
      agentPerHour: numberOf(kept.agent_per_hour, "agent_per_hour") ?? WAKE_DEFAULTS.agentPerHour,
      quiet: typeof kept.quiet === "string" ? parseQuietHours(kept.quiet) : WAKE_DEFAULTS.quiet,
    };
  } catch {
    return WAKE_DEFAULTS;
  }
}

/** What holds once `asked` is changed. Throws `invalid_argument`. */
function changedWakeLimits(before: WakeLimits, asked: RequestOf<typeof wake_limits>): WakeLimits {
  const { agent_per_hour, hops, pair_per_minute, quiet } = asked;
  return {
    ...before,
    hopsMax: required(hops, "hops") ?? before.hopsMax,
    pairPerMinute: required(pair_per_minute, "pair_per_minute") ?? before.pairPerMinute,
    agentPerHour: required(agent_per_hour, "agent_per_hour") ?? before.agentPerHour,
    quiet: quiet === undefined ? before.quiet : parseQuietHours(quiet),
  };
}

/** Durable on return. */
function keepWakeLimits(store: Pick<NodeStore, "setSetting">, limits: WakeLimits): void {
  store.setSetting(SETTING, JSON.stringify(wakeLimitsForm(limits)));
}

export function wakeLimitsForm(limits: WakeLimits): AnswerOf<typeof wake_limits> {
  const { agentPerHour, hopsMax, pairPerMinute, quiet } = limits;
  return {
    hops: hopsMax,
    pair_per_minute: pairPerMinute,
    agent_per_hour: agentPerHour,
    quiet: quietHoursText(quiet),
  };
}

/** Tells what holds, changed first where that is said. */
export function changeWakeLimits(
  {
    listeners,
    root,
  }: { readonly listeners: Pick<Listeners, "limits" | "setLimits">; readonly root: Pick<DataRoot, "node"> },
  asked: RequestOf<typeof wake_limits>,
): AnswerOf<typeof wake_limits> {
  const limits = changedWakeLimits(listeners.limits, asked);
  if (Object.values(asked).some((value) => value !== undefined)) {
    keepWakeLimits(root.node, limits);
    listeners.setLimits(limits);
  }
  return wakeLimitsForm(limits);
}

type Bounded = keyof typeof WAKE_BOUNDS;

function numberOf(value: unknown, name: Bounded): number | undefined {
  return typeof value === "number" && Number.isInteger(value) && value >= 1 && value <= WAKE_BOUNDS[name]
    ? value
    : undefined;
}

function required(value: number | undefined, name: Bounded): number | undefined {
  if (value === undefined || numberOf(value, name) !== undefined) return value;
  throw new EntmootError("invalid_argument", `${name}: expected 1 to ${WAKE_BOUNDS[name]}, found ${value}`);
}
