import { GroupId } from "../core/ids.ts";
import { shellCommand } from "../host/shell-quote.ts";
import { DIAGNOSES, isDiagnosis, nextOf } from "../node/doctor/diagnoses.ts";
import type { NodeStatus } from "../node/operations/daemon.ts";
import type { DoctorCheck } from "../node/operations/diagnosis.ts";
import { commandFor } from "./readiness.ts";

/** How what names somebody, or something of this machine, is told: as it is, or so that it names nobody. */
export interface Teller {
  readonly isRedacted: boolean;
  /** A command line with these words, ready to paste. */
  command(words: readonly string[]): string;
  why(check: DoctorCheck): string;
  next(check: DoctorCheck): readonly string[];
  group(id: GroupId): string;
  node(id: number): number;
  voice(name: string): string;
}

/** Everything as it is. `place`: where commands are to look, which those of this program are told. */
export function plainTeller(place: Pick<NodeStatus, "data_dir" | "identity_path">): Teller {
  return {
    isRedacted: false,
    command: (words) => (words[0] === "entmootd" ? commandFor(place, words.slice(1)) : shellCommand(words)),
    why: ({ why }) => why,
    next: ({ next }) => next,
    group: (id) => GroupId.toBase64(id),
    node: (id) => id,
    voice: (name) => name,
  };
}

/** What commands of a redacted report name. */
const PLACEHOLDERS = { group: "MOOT", path: "PATH", head: "HEAD", pid: "PID", user: "USER" };

/**
 * Nothing that a person, a file or another machine wrote: of each finding only its name, and of each moot, member and
 * voice a number, the same throughout the report.
 */
export function redactingTeller(): Teller {
  const number = <K>() => {
    const numbers = new Map<K, number>();
    return (key: K) => {
      if (!numbers.has(key)) numbers.set(key, numbers.size + 1);
      return numbers.get(key)!;
    };
  };
  const [groups, nodes, voices] = [number<GroupId>(), number<number>(), number<string>()];
  return {
    isRedacted: true,
    command: (words) => shellCommand(words),
    why: ({ diagnosis, why }) => (why === "" ? "" : isDiagnosis(diagnosis) ? DIAGNOSES[diagnosis].means : ""),
    next: ({ diagnosis, next }) =>
      next.length === 0 || !isDiagnosis(diagnosis) ? [] : nextOf(diagnosis, PLACEHOLDERS),
    group: (id) => `moot-${groups(id)}`,
    node: (id) => nodes(id),
    voice: (name) => `voice-${voices(name)}`,
  };
}
