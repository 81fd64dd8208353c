import type { NodeStore } from "../../store/node-store.ts";

/** What a node tells of itself, in all its moots. */
export interface NoteSettings {
  /** What became of messages that asked it. */
  readonly send: boolean;
  /** Whether anything listens. */
  readonly presence: boolean;
  /** The name of the program that listens. */
  readonly showHost: boolean;
}

const SETTING = "notes";
const DEFAULT: NoteSettings = { send: true, presence: true, showHost: false };

/** Where what is kept cannot be read, nothing is told: it may have been switched off. */
export function readNoteSettings(store: Pick<NodeStore, "getSetting">): NoteSettings {
  try {
    const kept: Partial<Record<keyof NoteSettings, unknown>> = JSON.parse(store.getSetting(SETTING) ?? "{}") ?? {};
    const flag = (key: keyof NoteSettings) => (typeof kept[key] === "boolean" ? kept[key] : DEFAULT[key]);
    return { send: flag("send"), presence: flag("presence"), showHost: flag("showHost") };
  } catch {
    return { ...DEFAULT, send: false, presence: false };
  }
}

/** Durable on return. */
export function keepNoteSettings(store: Pick<NodeStore, "setSetting">, settings: NoteSettings): void {
  store.setSetting(SETTING, JSON.stringify(settings));
}
