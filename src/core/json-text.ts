import { JsonReader } from "./json-reader.ts";

/** The two ways a value is written: as senders send it, or as it is hashed and signed. */
export type JsonForm = "wire" | "canonical";

const LINE_SEPARATORS = /[\u2028\u2029]/g;
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
  return tokensOf(source).join("").replace(WIRE_ESCAPED, escapeUnit);
}

/**
 * Canonical form of any JSON text: keys sorted by UTF-8 bytes at every depth, the last of
 * duplicate keys kept, numbers as written, no blanks. Throws `malformed_frame`.
 */
export function canonicalJson(source: Uint8Array | string): string {
  const out: string[] = [];
  writeTree(readTree(tokensOf(source)), out);
  return out.join("");
}

/** Canonical text of a scalar, or the children of a container in the order they are written. */
type Tree = string | { readonly keys: Map<string, Tree> } | { readonly elements: Tree[] };

function tokensOf(source: Uint8Array | string): string[] {
  const tokens: string[] = [];
  const reader = new JsonReader(source, "json");
  reader.takeTokens(tokens);
  reader.end();
  return tokens;
}

function readTree(tokens: readonly string[]): Tree {
  const open: Exclude<Tree, string>[] = [];
  const pendingKeys: string[] = [];
  let root: Tree = "null";
  const put = (tree: Tree) => {
    const parent = open.at(-1);
    if (parent === undefined) root = tree;
    else if ("elements" in parent) parent.elements.push(tree);
    else parent.keys.set(pendingKeys.pop()!, tree);
  };
  for (let i = 0; i < tokens.length; i++) {
    const token = tokens[i]!;
    if (token === "{" || token === "[") {
      const container = token === "{" ? { keys: new Map<string, Tree>() } : { elements: [] };
      put(container);
      open.push(container);
    } else if (token === "}" || token === "]") {
      open.pop();
    } else if (token.startsWith('"')) {
      const text = (JSON.parse(token) as string).toWellFormed();
      if (tokens[i + 1] === ":") pendingKeys.push(text);
      else put(jsonString(text, "canonical"));
    } else if (token !== "," && token !== ":") {
      put(token);
    }
  }
  return root;
}

/** Depth first with its own stack: closing texts and children still to write, last first. */
function writeTree(root: Tree, out: string[]): void {
  const pending: { readonly before: string; readonly tree: Tree | undefined }[] = [{ before: "", tree: root }];
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    const { before, tree } = next;
    out.push(before);
    if (tree === undefined) continue;
    if (typeof tree === "string") {
      out.push(tree);
      continue;
    }
    const [opening, closing] = "keys" in tree ? ["{", "}"] : ["[", "]"];
    const children =
      "keys" in tree
        ? [...tree.keys]
            .sort(([a], [b]) => compareKeys(a, b))
            .map(([key, child]) => ({ label: `${jsonString(key, "canonical")}:`, child }))
        : tree.elements.map((child) => ({ label: "", child }));
    out.push(opening);
    pending.push({ before: closing, tree: undefined });
    for (let i = children.length - 1; i >= 0; i--) {
      const { label, child } = children[i]!;
      pending.push({ before: i === 0 ? label : `,${label}`, tree: child });
    }
  }
}
