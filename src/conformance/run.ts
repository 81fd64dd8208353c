import { EntmootError, textOf } from "../core/errors.ts";
import { DEVIATIONS } from "./deviations.ts";
import { type Check, Mismatch, type Subject, type VectorCase, type VectorFile } from "./subject.ts";
import { SUBJECTS } from "./subjects.ts";
import { readVectorFile, subjectName, vectorFiles } from "./vector-file.ts";

/** How the cases of one file came out. The four counts add up to the number of cases. */
export interface FileReport {
  readonly file: string;
  readonly passed: number;
  readonly failed: number;
  /** Cases that are malformed or of a kind not built; a file that cannot be read as vectors counts as one. */
  readonly unknown: number;
  /** Cases that came out as `DEVIATIONS` says. */
  readonly deviations: number;
  readonly failures: readonly Failure[];
  /** Names of the cases counted in `deviations`. */
  readonly deviating: readonly string[];
  /** Why nothing of the file was run, naming it; absent when something was. */
  readonly fault?: string;
  /** How many of the unknown are of which `<subject>/<kind>`; the kind is `-` where there is none. */
  readonly unknownKinds: Readonly<Record<string, number>>;
}

export interface Failure {
  readonly name: string;
  readonly expected: string;
  readonly found: string;
}

/**
 * Runs every vector file under `paths` (files or directories), one report each. Never throws on what they hold; throws
 * `not_found`, before it runs any, for a path where there is nothing, or nothing to run.
 */
export async function* runConformance(paths: Iterable<string>): AsyncGenerator<FileReport> {
  const files: string[] = [];
  for (const path of paths) {
    const found = await Array.fromAsync(vectorFiles(path));
    if (found.length === 0) throw new EntmootError("not_found", `${path}: no vector files found`);
    files.push(...found);
  }
  for (const file of files) yield await runFile(file);
}

/** Runs the cases of one file. Never throws on what it holds. */
export async function runFile(path: string): Promise<FileReport> {
  const name = subjectName(path);
  const tally = new Tally(path, name);
  let content: Readonly<Record<string, unknown>>;
  try {
    content = await readVectorFile(path);
  } catch (error) {
    const fault = error instanceof EntmootError ? error.message : `${path}: cannot be read: ${textOf(error)}`;
    return { ...tally.unknown("-").report(), fault };
  }
  const subject = Object.hasOwn(SUBJECTS, name) ? (await SUBJECTS[name]!()).subject : undefined;
  const cases = await casesOf(content, path, subject);
  if (cases.length === 0)
    return { ...tally.unknown("-").report(), fault: `${path}: no cases in it that are known here` };
  const file = { ...content, path, cases } as unknown as VectorFile;
  const seen = new Set<string>();
  for (const entry of cases) {
    const kind = kindOf(entry, subject);
    if (!isCase(entry) || seen.has(entry.name)) {
      tally.unknown(kind);
      continue;
    }
    seen.add(entry.name);
    const check = subject && Object.hasOwn(subject.kinds, kind) ? subject.kinds[kind] : undefined;
    if (check) tally.count(entry.name, await outcomeOf(check, entry, file));
    else tally.unknown(kind);
  }
  // What a subject shared between its cases is its own; failing to release it is no case's outcome.
  await Promise.resolve(subject?.close?.()).catch(() => {});
  return tally.report();
}

async function casesOf(
  content: Readonly<Record<string, unknown>>,
  path: string,
  subject: Subject | undefined,
): Promise<readonly unknown[]> {
  if (Array.isArray(content.cases)) return content.cases;
  try {
    return (await subject?.expand?.(content, path)) ?? [];
  } catch {
    return [];
  }
}

function isCase(entry: unknown): entry is VectorCase {
  return typeof entry === "object" && entry !== null && "name" in entry && typeof entry.name === "string";
}

function kindOf(entry: unknown, subject: Subject | undefined): string {
  if (typeof entry !== "object" || entry === null) return "-";
  const own = isCase(entry) ? subject?.kindOf?.(entry) : undefined;
  if (own !== undefined) return own;
  if ("op" in entry && typeof entry.op === "string") return entry.op;
  if ("kind" in entry) return typeof entry.kind === "string" ? entry.kind : "-";
  return subject?.defaultKind ?? "-";
}

/** `undefined` when the case came out as recorded. */
async function outcomeOf(
  check: Check,
  entry: VectorCase,
  file: VectorFile,
): Promise<Omit<Failure, "name"> | undefined> {
  try {
    await check(entry, file);
    return undefined;
  } catch (error) {
    if (error instanceof Mismatch) return error;
    return { expected: "the recorded outcome", found: textOf(error) };
  }
}

class Tally {
  readonly #file: string;
  readonly #subject: string;
  readonly #failures: Failure[] = [];
  readonly #deviating: string[] = [];
  readonly #unknownKinds: Record<string, number> = {};
  #passed = 0;
  #unknown = 0;

  constructor(file: string, subject: string) {
    this.#file = file;
    this.#subject = subject;
  }

  unknown(kind: string): this {
    const name = `${this.#subject}/${kind}`;
    this.#unknown++;
    this.#unknownKinds[name] = (this.#unknownKinds[name] ?? 0) + 1;
    return this;
  }

  count(name: string, failure: Omit<Failure, "name"> | undefined): void {
    const key = `${this.#subject}/${name}`;
    const deviation = Object.hasOwn(DEVIATIONS, key) ? DEVIATIONS[key] : undefined;
    if (!deviation && !failure) this.#passed++;
    else if (deviation && failure?.found === deviation.outcome && failure.expected === deviation.recorded) {
      this.#deviating.push(name);
    } else {
      const expected = deviation ? `deviation: ${deviation.outcome} for ${deviation.recorded}` : failure!.expected;
      this.#failures.push({ name, expected, found: failure?.found ?? "as the vector records" });
    }
  }

  report(): FileReport {
    return {
      file: this.#file,
      passed: this.#passed,
      failed: this.#failures.length,
      unknown: this.#unknown,
      deviations: this.#deviating.length,
      failures: this.#failures,
      deviating: this.#deviating,
      unknownKinds: this.#unknownKinds,
    };
  }
}
