import type { PluginWay } from "../claude/monitor-plugin.ts";
import type { EntryKeys, SettingsFormat } from "./settings-file.ts";
import type { ServerTable } from "./table-text.ts";

/** The one entry that a host needs to start `entmootd mcp`. */
export interface ServerEntry {
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

/** Where a host keeps what it is set up with. */
export interface HostPlaces {
  readonly home: string;
  /** The folder that the person works in. */
  readonly project: string;
  readonly env: Readonly<Record<string, string | undefined>>;
}

/** How an entry gets into a host. */
export type EntryWay =
  /** By the host's own commands, run with `env` beside what is there; `files` are those that they write. */
  | {
      readonly kind: "command";
      readonly add: readonly string[];
      readonly remove: readonly string[];
      readonly files: readonly string[];
      readonly env?: Readonly<Record<string, string>>;
      /** A plugin of ours beside it. */
      readonly plugin?: PluginWay;
    }
  /** The host has no command for it: one key of its file, and for some a file of ours beside it. */
  | {
      readonly kind: "file";
      readonly file: string;
      readonly format: SettingsFormat;
      readonly keys: EntryKeys;
      readonly value: ServerTable;
      readonly beside?: { readonly file: string; readonly text: string };
    };

/** What its user may write, and where, for it not to be asked before our tools are called. */
export interface AllowSetting {
  /** A file, or what else is to be changed. */
  readonly where: string;
  readonly text: string;
}

/** A way into a running session, and how far it proves what it gave. */
export interface HostDoorName {
  readonly name: string;
  readonly proves: "read";
}

/** A door of a host that is not its first one. */
export interface OtherDoor extends HostDoorName {
  readonly word: string;
  /** What an entry says that is set up with it. */
  readonly env: Readonly<Record<string, string>>;
  /** Why the first one is closed, as far as the host's settings say; `undefined`: it may be open. */
  closed(places: HostPlaces): ClosedDoor | undefined;
}

/** Why nothing comes in by the first door of a host. */
export interface ClosedDoor {
  readonly why: string;
  /** Whether it was closed so that nothing comes in unseen: then only its user's own word opens another. */
  readonly isToStay: boolean;
}

/** A host that can be set up. */
export interface HostSetup {
  readonly host: string;
  readonly title: string;
  /** What is looked for on PATH. */
  readonly program: string;
  /** Whether it is set up without its program. */
  readonly isByFile?: boolean;
  /** Whether an entry is of one project folder; else of all. */
  isPerProject(places: HostPlaces): boolean;
  /** Why it is of all, where it could be of one; `undefined`: it could not. */
  whyForAll?(places: HostPlaces): string | undefined;
  /** The way into a running session, and how far it proves what it gave; `undefined`: its agent asks by itself. */
  readonly door?: HostDoorName;
  /** Another, by the name that its user asks for it by, where that one is closed. */
  readonly otherDoor?: OtherDoor;
  /** Shown, never written; `undefined`: it asks nobody by itself. */
  allow(places: HostPlaces): AllowSetting | undefined;
  /** `written`: a file that was written before, where there are several ways. */
  way(entry: ServerEntry, places: HostPlaces, written?: string): EntryWay;
}

/** The tools by which an agent asks, answers and acknowledges. */
export const TALKING_TOOLS = ["entmoot_ask", "entmoot_reply", "entmoot_ack"];
export const TALKING_TEXT = `${TALKING_TOOLS.slice(0, -1).join(", ")} and ${TALKING_TOOLS.at(-1)}`;

/** Each of `env` behind a flag of its own. */
export function pairs(flag: string, env: ServerEntry["env"]): string[] {
  return Object.entries(env).flatMap(([name, value]) => [flag, `${name}=${value}`]);
}
