import type { Clock } from "../../core/clock.ts";
import { EntmootError } from "../../core/errors.ts";
import { shellCommand } from "../../host/shell-quote.ts";
import { type ChangedFile, dropFile, noteChange, putFile, restoreFile, setInFile } from "./entry-file.ts";
import { hostProgram, runHost } from "./host-command.ts";
import type { EntryWay, HostPlaces, HostSetup, ServerEntry } from "./host-setups.ts";

export interface SetUpParts {
  readonly clock: Clock;
  readonly places: HostPlaces;
}

/** The version that a host says it has, on one line. Throws as `hostProgram` and `runHost`. */
export async function hostVersion(setup: HostSetup, parts: SetUpParts): Promise<string> {
  const said = await runHost([hostProgram(setup, parts.places), "--version"], parts);
  return (said.trim().split("\n")[0] ?? "").slice(0, 200);
}

/** Writes the entry into the host, in place of one of the same name; gives what that changed. Throws `unsupported` for a host whose file a person changes. */
export async function addEntry(setup: HostSetup, entry: ServerEntry, parts: SetUpParts): Promise<ChangedFile[]> {
  const way = setup.way(entry, parts.places);
  switch (way.kind) {
    case "shown":
      throw new EntmootError("unsupported", `${setup.title}: add this to ${way.file} yourself:\n${way.text}`);
    case "file": {
      const { beside } = way;
      return noteChange(beside === undefined ? [way.file] : [way.file, beside.file], () => {
        setInFile(way.file, way.keys, way.value);
        if (beside !== undefined) putFile(beside.file, beside.text);
      });
    }
    case "command": {
      const program = hostProgram(setup, parts.places);
      return noteChange(way.files, async () => {
        // Hosts refuse a second entry of one name; where there is none, removing it fails, and need not be told.
        await runHost([program, ...way.remove], parts).catch(() => {});
        await runHost([program, ...way.add], parts);
      });
    }
  }
}

/** Takes the entry away again: files that nobody changed since are what they were, byte for byte; of others the entry alone goes. */
export async function removeEntry(
  setup: HostSetup,
  entry: ServerEntry,
  files: readonly ChangedFile[],
  parts: SetUpParts,
): Promise<"restored" | "removed"> {
  const restored = files.map(restoreFile);
  if (files.length > 0 && restored.every(Boolean)) return "restored";
  const way = setup.way(entry, parts.places);
  if (way.kind === "file") {
    setInFile(way.file, way.keys, undefined);
    if (way.beside !== undefined) dropFile(way.beside.file, way.beside.text);
  }
  if (way.kind === "command") await runHost([hostProgram(setup, parts.places), ...way.remove], parts);
  return "removed";
}

/** What would be done, in lines that a person can carry out. */
export function entryText(way: EntryWay, program: string): string {
  switch (way.kind) {
    case "command":
      return shellCommand([program, ...way.add]);
    case "file":
      return [
        `${way.file}: ${way.keys.join(".")} = ${JSON.stringify(way.value, undefined, 2)}`,
        ...(way.beside === undefined ? [] : [`${way.beside.file}:`, way.beside.text]),
      ].join("\n");
    case "shown":
      return `${way.file}:\n${way.text}`;
  }
}
