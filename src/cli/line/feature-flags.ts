import { trimSpace } from "../../core/bytes/text.ts";
import { EntmootError } from "../../core/errors.ts";

/** Opt-in parts of the product. `tasks` is never on without `fleet`. */
export interface FeatureFlags {
  readonly fleet: boolean;
  readonly tasks: boolean;
}

const ON = new Set(["1", "true", "yes", "on"]);
/** Wire. How the original names the accepted words. */
export const SWITCH_WORDS = "1,true,yes,on,0,false,no,off";
const OFF = new Set(["", "0", "false", "no", "off"]);

/** Reads both flags once per process; a changed variable needs a restart. Throws `invalid_argument` for any other word. */
export function parseFeatureFlags(env: Readonly<Record<string, string | undefined>>): FeatureFlags {
  const fleet = parseSwitch("ENTMOOT_ENABLE_FLEET", env.ENTMOOT_ENABLE_FLEET);
  const tasks = parseSwitch("ENTMOOT_ENABLE_TASKS", env.ENTMOOT_ENABLE_TASKS);
  return { fleet, tasks: tasks && fleet };
}

/** What a word for on or off means; blank is off, any other word is `undefined`. */
export function switchOf(value: string): boolean | undefined {
  const word = trimSpace(value).toLowerCase();
  return ON.has(word) ? true : OFF.has(word) ? false : undefined;
}

function parseSwitch(name: string, value = ""): boolean {
  const parsed = switchOf(value);
  if (parsed !== undefined) return parsed;
  throw new EntmootError("invalid_argument", `${name} must be one of ${SWITCH_WORDS}, found ${quote(value)}`);
}

/** Refuses a command that needs a feature which is off. Throws `disabled`, saying which variables turn it on. */
export function requireFeature(command: string, features: FeatureFlags, needs: "fleet" | "tasks"): void {
  if (features[needs]) return;
  throw new EntmootError(
    "disabled",
    needs === "fleet"
      ? `${command}: Fleet coordination is disabled; set ENTMOOT_ENABLE_FLEET=1 to enable it.`
      : `${command}: task coordination is disabled; set ENTMOOT_ENABLE_FLEET=1 and ENTMOOT_ENABLE_TASKS=1 to enable it.`,
  );
}

/** A hostile variable must not fill the screen. */
function quote(word: string): string {
  return JSON.stringify(word.length > 40 ? `${word.slice(0, 40)}…` : word);
}
