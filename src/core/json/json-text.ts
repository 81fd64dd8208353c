import { JsonReader, type JsonTokens } from "./json-reader.ts";

/** The two ways a value is written: as senders send it, or as it is hashed and signed. */
export type JsonForm = "wire" | "canonical";

const LINE_SEPARATORS = /[\u2028\u2029]/g;
/** Units whose order differs between UTF-16 and UTF-8. */
const BEYOND_SURROGATES = /[\ud800-\uffff]/;
const WIRE_ESCAPED = /[<>&\u2028\u2029]/g;

/**
 * `text` as a JSON string. `JSON.stringify` already escapes as both forms do; U+2028 and U+2029
 * are escaped in both, `<`, `>` and `&` on the wire only. A lone surrogate becomes U+FFFD.
 */
export function jsonString(text: string, form: JsonForm): string {
  const plain = JSON.stringify(text.isWellFormed() ? text : text.toWellFormed());
  return plain.replace(form === "wire" ? WIRE_ESCAPED : LINE_SEPARATORS, escapeUnit);
}

function escapeUnit(char: string): string {
  return `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`;
}

/**
 * Orders keys as their UTF-8 bytes order. UTF-16 units agree except that surrogates (U+10000 and
 * up) must come after U+E000..U+FFFF.
 */
export function compareKeys(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) {
    const x = a.charCodeAt(i);
    const y = b.charCodeAt(i);
    if (x !== y) return rank(x) - rank(y);
  }
  return a.length - b.length;
}

function rank(unit: number): number {
  if (unit < 0xd800) return unit;
  return unit < 0xe000 ? unit + 0x2000 : unit - 0x800;
}

/** Any JSON text without blanks, otherwise as written, with the wire's escapes. Throws `malformed_frame`. */
export function compactJson(source: string): string {
  const text = new TextBuilder();
  let isFirst = true;
  const separate = () => {
    if (!isFirst) text.add(",");
    isFirst = false;
  };
  read(source, {
    open(isObject) {
      separate();
      text.add(isObject ? "{" : "[");
      isFirst = true;
    },
    key(key) {
      separate();
      text.add(key);
      text.add(":");
      // The value of a key needs no comma before it.
      isFirst = true;
    },
    scalar(scalar) {
      separate();
      text.add(scalar);
    },
    close(isObject) {
      text.add(isObject ? "}" : "]");
      isFirst = false;
    },
  });
  return text.finish().replace(WIRE_ESCAPED, escapeUnit);
}

/**
 * Canonical form of any JSON text: keys sorted by UTF-8 bytes at every depth, the last of
 * duplicate keys kept, numbers as written, no blanks. Throws `malformed_frame`.
 */
export function canonicalJson(source: Uint8Array | string): string {
  return writeTree(readTree(source));
}

/** Canonical text of a scalar, or a container: an array, or an object with its keys as read. */
type Tree = string | Tree[] | Map<string, Tree>;

function read(source: Uint8Array | string, tokens: JsonTokens): void {
  const reader = new JsonReader(source, "json");
  reader.readTokens(tokens);
  reader.end();
}

function readTree(source: Uint8Array | string): Tree {
  const open: Exclude<Tree, string>[] = [];
  const keys: string[] = [];
  let root: Tree = "null";
  const put = (tree: Tree) => {
    const parent = open.at(-1);
    if (parent === undefined) root = tree;
    else if (parent instanceof Map) parent.set(keys.pop()!, tree);
    else parent.push(tree);
  };
  read(source, {
    open(isObject) {
      const container = isObject ? new Map<string, Tree>() : [];
      put(container);
      open.push(container);
    },
    key: (key) => keys.push((JSON.parse(key) as string).toWellFormed()),
    scalar: (scalar) => put(scalar.startsWith('"') ? jsonString(JSON.parse(scalar), "canonical") : scalar),
    close: () => open.pop(),
  });
  return root;
}

/** A container that is being written: its children in order and how many are out. */
interface Writing {
  readonly tree: Exclude<Tree, string>;
  readonly keys: readonly string[] | undefined;
  readonly length: number;
  next: number;
}

/** Depth first with its own stack, because ten thousand levels would exhaust the other. */
function writeTree(root: Tree): string {
  if (typeof root === "string") return root;
  const text = new TextBuilder();
  const stack = [writing(root)];
  text.add(root instanceof Map ? "{" : "[");
  for (let top = stack.at(-1); top !== undefined; top = stack.at(-1)) {
    if (top.next === top.length) {
      text.add(top.keys === undefined ? "]" : "}");
      stack.pop();
      continue;
    }
    if (top.next > 0) text.add(",");
    const child = childOf(top, top.next);
    if (top.keys !== undefined) text.add(`${jsonString(top.keys[top.next]!, "canonical")}:`);
    top.next += 1;
    if (typeof child === "string") {
      text.add(child);
    } else {
      text.add(child instanceof Map ? "{" : "[");
      stack.push(writing(child));
    }
  }
  return text.finish();
}

function writing(tree: Exclude<Tree, string>): Writing {
  if (!(tree instanceof Map)) return { tree, keys: undefined, length: tree.length, next: 0 };
  const keys = [...tree.keys()];
  // The built-in order is that of UTF-16 units, and several times faster.
  if (keys.some((key) => BEYOND_SURROGATES.test(key))) keys.sort(compareKeys);
  else keys.sort();
  return { tree, keys, length: keys.length, next: 0 };
}

function childOf({ tree, keys }: Writing, index: number): Tree {
  return tree instanceof Map ? tree.get(keys![index]!)! : tree[index]!;
}

/** A text that grows by millions of small pieces; plain concatenation would hold each of them in memory. */
class TextBuilder {
  readonly #done: string[] = [];
  #pieces: string[] = [];

  add(piece: string): void {
    if (this.#pieces.push(piece) < 4096) return;
    this.#done.push(this.#pieces.join(""));
    this.#pieces = [];
  }

  finish(): string {
    return this.#done.join("") + this.#pieces.join("");
  }
}
