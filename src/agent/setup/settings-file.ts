import { isDeepStrictEqual } from "node:util";
import { EntmootError, textOf } from "../../core/errors.ts";
import { fileBytes, putFile } from "./entry-file.ts";
import { withJsonKey } from "./json-text.ts";
import { type ServerTable, withTomlTable, withYamlBlock } from "./table-text.ts";

/** How a host writes its settings; JSON may hold comments. */
export type SettingsFormat = "json" | "toml" | "yaml";

/** Where in a file an entry stands: the key of all servers, and ours. */
export type EntryKeys = readonly [parent: string, name: string];

const PARSERS: Readonly<Record<SettingsFormat, (text: string) => unknown>> = {
  json: (text) => Bun.JSONC.parse(text),
  toml: (text) => Bun.TOML.parse(text),
  yaml: (text) => Bun.YAML.parse(text),
};

/**
 * Sets our entry in a host's settings, or takes it away (`undefined`): all else in them stays as its user wrote it, with comments. The
 * file is made where there is none. Throws `invalid_argument` for one in which that cannot be done, and changes nothing then.
 */
export function setInFile(path: string, format: SettingsFormat, keys: EntryKeys, entry: ServerTable | undefined): void {
  const bytes = fileBytes(path);
  let text = "";
  let changed: string;
  try {
    // With its mark of byte order, and nothing that stands for what is no UTF-8.
    text = bytes === undefined ? "" : new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
    const before = parsed(format, text);
    const expected = withEntry(before, keys, entry);
    if (isDeepStrictEqual(before, expected)) return;
    changed = changedText(format, text, keys, entry);
    const [parent] = keys;
    if (!isDeepStrictEqual(unlessEmpty(parsed(format, changed), parent), unlessEmpty(expected, parent))) {
      throw new Error("it would say something else afterwards");
    }
  } catch (cause) {
    const next = entry === undefined ? "take the entry away by hand" : "add the entry by hand: setup -print shows it";
    throw new EntmootError("invalid_argument", `${path}: ${textOf(cause)}; ${next}`, { cause });
  }
  putFile(path, changed);
}

function changedText(format: SettingsFormat, text: string, keys: EntryKeys, entry: ServerTable | undefined): string {
  switch (format) {
    case "json":
      return withJsonKey(text, keys, entry);
    case "toml":
      return withTomlTable(text, keys, entry);
    case "yaml":
      return withYamlBlock(text, keys, entry);
  }
}

function parsed(format: SettingsFormat, text: string): unknown {
  const whole = text.trim() === "" ? {} : PARSERS[format](text.replace(/^\uFEFF/, ""));
  return JSON.parse(JSON.stringify(whole ?? {}));
}

/** Whether a key under which nothing stands is there is nobody's word. */
function unlessEmpty(whole: unknown, parent: string): unknown {
  if (!isObject(whole)) return whole;
  const { [parent]: servers, ...others } = whole;
  const isEmpty = servers === null || (isObject(servers) && Object.keys(servers).length === 0);
  return isEmpty ? others : whole;
}

function withEntry(whole: unknown, [parent, name]: EntryKeys, entry: ServerTable | undefined): unknown {
  if (!isObject(whole)) throw new EntmootError("invalid_argument", "expected an object");
  const { [parent]: servers, ...others } = whole;
  if (servers !== undefined && servers !== null && !isObject(servers)) {
    throw new EntmootError("invalid_argument", `${parent}: expected an object`);
  }
  const { [name]: _old, ...kept } = servers ?? {};
  if (entry !== undefined) return { ...others, [parent]: { ...kept, [name]: JSON.parse(JSON.stringify(entry)) } };
  return servers === undefined ? others : { ...others, [parent]: kept };
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
