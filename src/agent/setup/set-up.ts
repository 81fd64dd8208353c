import type { Clock } from "../../core/clock.ts";
import { shellCommand } from "../../host/shell-quote.ts";
import {
  type ChangedFile,
  dropFile,
  dropFolders,
  dropIfEmpty,
  isAsWritten,
  noteChange,
  putBack,
  putFile,
} from "./entry-file.ts";
import { hostProgram, runHost } from "./host-command.ts";
import type { EntryWay, HostPlaces, HostSetup, ServerEntry } from "./host-setup.ts";
import { setInFile } from "./settings-file.ts";

export interface SetUpParts {
  readonly clock: Clock;
  readonly places: HostPlaces;
}

/** What is told of a host whose program is not on PATH, as one with a window. */
export const NO_VERSION = "not known: its program is not on PATH";

/** The version that a host says it has, on one line. Throws as `hostProgram` and `runHost`; a host that is set up by its file need not be on PATH. */
export async function hostVersion(setup: HostSetup, parts: SetUpParts): Promise<string> {
  if (setup.isByFile && Bun.which(setup.program, { PATH: parts.places.env.PATH ?? "" }) === null) return NO_VERSION;
  const said = await runHost([hostProgram(setup, parts.places), "--version"], parts);
  return (said.trim().split("\n")[0] ?? "").slice(0, 200);
}

/** Writes the entry into the host, in place of one of the same name; gives what that changed. */
export async function addEntry(setup: HostSetup, entry: ServerEntry, parts: SetUpParts): Promise<ChangedFile[]> {
  const way = setup.way(entry, parts.places);
  switch (way.kind) {
    case "file": {
      const { beside } = way;
      return noteChange(beside === undefined ? [way.file] : [way.file, beside.file], () => {
        setInFile(way.file, way.format, way.keys, way.value);
        if (beside !== undefined) putFile(beside.file, beside.text);
      });
    }
    case "command": {
      const program = hostProgram(setup, parts.places);
      const its = inEnvironment(way, parts);
      const { plugin } = way;
      const ours = plugin?.files.map(({ path }) => path) ?? [];
      return noteChange([...way.files, ...ours, ...(plugin?.changes ?? [])], async () => {
        // Hosts refuse a second entry of one name; where there is none, removing it fails, and need not be told.
        await runHost([program, ...way.remove], its).catch(() => {});
        await runHost([program, ...way.add], its);
        if (plugin === undefined) return;
        for (const remove of plugin.remove) await runHost([program, ...remove], its).catch(() => {});
        // A copy of before would be taken for this one.
        for (const path of plugin.copies) dropFile(path);
        for (const { path, text } of plugin.files) putFile(path, text);
        for (const add of plugin.add) await runHost([program, ...add], its);
      });
    }
  }
}

function inEnvironment({ env }: EntryWay & { kind: "command" }, parts: SetUpParts): SetUpParts {
  return { ...parts, places: { ...parts.places, env: { ...parts.places.env, ...env } } };
}

/** Takes the entry away again: files that nobody changed since are what they were, byte for byte; of others the entry alone goes. */
export async function removeEntry(
  setup: HostSetup,
  entry: ServerEntry,
  files: readonly ChangedFile[],
  parts: SetUpParts,
): Promise<"restored" | "removed"> {
  const left = files.filter((file) => !isAsWritten(file));
  const asWritten = files.filter((file) => !left.includes(file));
  if (files.length === 0 || left.length > 0) {
    const way = setup.way(entry, parts.places, files[0]?.path);
    const isLeft = (path: string) => files.length === 0 || left.some((file) => file.path === path);
    if (way.kind === "file") {
      if (isLeft(way.file)) setInFile(way.file, way.format, way.keys, undefined);
      if (way.beside !== undefined) dropFile(way.beside.file, way.beside.text);
    } else await removeByHost(setup, way, isLeft, parts);
  }
  // After the host's own commands, which write into those too.
  for (const file of asWritten) putBack(file);
  for (const file of left) dropIfEmpty(file);
  for (const file of files) dropFolders(file);
  return left.length === 0 && files.length > 0 ? "restored" : "removed";
}

/** Each part of which a file is not as it was written is taken away by its command. */
async function removeByHost(
  setup: HostSetup,
  way: EntryWay & { kind: "command" },
  isLeft: (path: string) => boolean,
  parts: SetUpParts,
): Promise<void> {
  const its = inEnvironment(way, parts);
  const program = hostProgram(setup, parts.places);
  if (way.files.some(isLeft)) await runHost([program, ...way.remove], its);
  if (way.plugin?.changes.some(isLeft)) {
    // What its user has removed since is not there to be removed.
    for (const remove of way.plugin.remove) await runHost([program, ...remove], its).catch(() => {});
  }
}

/** What would be done, in lines that a person can carry out. */
export function entryText(way: EntryWay, program: string): string {
  switch (way.kind) {
    case "command": {
      const env = Object.entries(way.env ?? {}).map(([name, value]) => `${name}=${value}`);
      const command = (words: readonly string[]) =>
        shellCommand([...(env.length === 0 ? [] : ["env", ...env]), program, ...words]);
      return [
        command(way.add),
        ...(way.plugin?.files.flatMap(({ path, text }) => [`${path}:`, text.trimEnd()]) ?? []),
        ...(way.plugin?.add.map(command) ?? []),
      ].join("\n");
    }
    case "file":
      return [
        `${way.file}: ${way.keys.join(".")} = ${JSON.stringify(way.value, undefined, 2)}`,
        ...(way.beside === undefined ? [] : [`${way.beside.file}:`, way.beside.text]),
      ].join("\n");
  }
}
