import { trimSpace } from "../bytes/text.ts";
import { decodeUtf8 } from "../bytes/utf8.ts";
import type { MessageId } from "../ids.ts";
import type { Message } from "../record/records.ts";
import { proseLines } from "./prose-lines.ts";

/** Ours. Bytes of content that are looked at: all of a message that a member keeps. */
const CONTENT_BYTES_MAX = 1024 * 1024;
/** Ours. Node ids, names and references that one message can name: whoever writes more wakes no more. */
export const MENTIONS_MAX = 64;
/** Ours. Signs that are looked at in one message, whether or not they name anybody: a megabyte of them costs no more. */
const SIGNS_MAX = 4096;
/** Ours. UTF-16 units of a name after `@`; a hostname has at most 255 bytes. */
const NAME_UNITS_MAX = 255;

/** What a message names, whoever reads it; see docs/mailbox.md. At most `MENTIONS_MAX` of each kind, the first ones. */
export interface Mentions {
  /** Of `@7`, `@agent-7` and `node:7`. */
  readonly nodeIds: ReadonlySet<number>;
  /** Of `@oak` and `@"Big Oak"`, each as `nameForm` has it. What has the form of a node id is none. */
  readonly names: ReadonlySet<string>;
  /** What it answers. */
  readonly references: ReadonlySet<MessageId>;
}

/**
 * What a message names: in the text of its content, where that is neither code nor quoted, and in its references. Costs
 * the same for each byte whatever they say.
 */
export function mentionsOf({ content, references }: Pick<Message, "content" | "references">): Mentions {
  const nodeIds = new Set<number>();
  const names = new Set<string>();
  if (mayMention(content)) {
    const text = decodeUtf8(content.length > CONTENT_BYTES_MAX ? content.subarray(0, CONTENT_BYTES_MAX) : content);
    let signs = 0;
    for (const line of proseLines(text)) {
      collectNodeIds(line, nodeIds);
      signs += collectNames(line, names, SIGNS_MAX - signs);
      if (signs === SIGNS_MAX || (nodeIds.size === MENTIONS_MAX && names.size === MENTIONS_MAX)) break;
    }
  }
  return { nodeIds, names, references: new Set(references.slice(0, MENTIONS_MAX)) };
}

/** A hostname as mentions are compared with it: composed, without case, trimmed. Empty for one that none can name. */
export function nameForm(hostname: string): string {
  const form = trimSpace(hostname.normalize("NFC").toLowerCase());
  return NODE_ID_FORM.test(form) ? "" : form;
}

/** Who may be named by a message. */
export interface Mentionable {
  readonly nodeId: number;
  /** Its hostname as `nameForm` has it, where no other current member has the same; empty otherwise. Asked for only when a name was found. */
  readonly name: () => string;
  /** Whether it wrote this message. Asked only for what a message references. */
  readonly wrote: (id: MessageId) => boolean;
}

/** Whether a message names `reader`, by id or by name, or answers it. */
export function namesReader({ names, nodeIds, references }: Mentions, reader: Mentionable): boolean {
  if (nodeIds.has(reader.nodeId)) return true;
  if (names.size > 0) {
    const name = reader.name();
    if (name !== "" && names.has(name)) return true;
  }
  for (const id of references) if (reader.wrote(id)) return true;
  return false;
}

const AT = 0x40;

/** Most messages hold neither sign, which costs a thousandth of reading them. */
function mayMention(content: Uint8Array): boolean {
  return content.includes(AT) || Buffer.from(content.buffer, content.byteOffset, content.length).includes(":");
}

/** Wire. The original's tokens, without case, with no letter, digit, `_` or `-` of ASCII on either side. */
const NODE_ID = /(?<![a-z0-9_-])(?:@agent-|@|node:)(0|[1-9][0-9]{0,9})(?![a-z0-9_-])/gi;
/** What would be a node id if it stood after an `@`. */
const NODE_ID_FORM = /^(?:agent-)?[0-9]+$/;
const NODE_ID_MAX = 0xffff_ffff;

function collectNodeIds(line: string, found: Set<number>): void {
  if (!line.includes("@") && !line.includes(":")) return;
  for (const [, digits] of line.matchAll(NODE_ID)) {
    if (found.size === MENTIONS_MAX) return;
    const nodeId = Number(digits);
    if (nodeId <= NODE_ID_MAX) found.add(nodeId);
  }
}

/** Ahead of an `@` that names nobody: a word (`bob@oak`), or a path (`node_modules/@oak/core`). */
const JOINED_BEFORE = /[\p{L}\p{M}\p{N}_/-]$/u;
const QUOTED_NAME = new RegExp(`"([^"]{1,${NAME_UNITS_MAX}})"`, "y");
const PLAIN_NAME = new RegExp(`[\\p{L}\\p{N}_][\\p{L}\\p{M}\\p{N}_.-]{0,${NAME_UNITS_MAX}}`, "uy");
/** A path goes on after a name that is not meant: `@oak/core`. */
const JOINED_AFTER = /\/[\p{L}\p{N}_@-]/uy;

/** Looks at no more than `signsMax` signs, and gives at how many it did. */
function collectNames(line: string, found: Set<string>, signsMax: number): number {
  let signs = 0;
  for (let at = line.indexOf("@"); at >= 0 && signs < signsMax; at = line.indexOf("@", at + 1)) {
    signs += 1;
    if (found.size === MENTIONS_MAX) continue;
    // Two units, so that a letter beyond the first 65,536 characters is one.
    if (JOINED_BEFORE.test(line.slice(Math.max(0, at - 2), at))) continue;
    const name = quotedAt(line, at + 1) ?? plainAt(line, at + 1);
    const form = name === undefined ? "" : nameForm(name);
    if (form !== "") found.add(form);
  }
  return signs;
}

function quotedAt(line: string, at: number): string | undefined {
  QUOTED_NAME.lastIndex = at;
  return QUOTED_NAME.exec(line)?.[1];
}

function plainAt(line: string, at: number): string | undefined {
  PLAIN_NAME.lastIndex = at;
  const [run] = PLAIN_NAME.exec(line) ?? [];
  if (run === undefined || run.length > NAME_UNITS_MAX) return undefined;
  JOINED_AFTER.lastIndex = at + run.length;
  if (JOINED_AFTER.test(line)) return undefined;
  // The end of a sentence, not of the name.
  return run.replace(/[.-]{1,255}$/, "");
}
