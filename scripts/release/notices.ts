import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { type Lock, licenceOf, lockEntryOf, wholeOf } from "./sbom.ts";

export const NOTICES_NAME = "THIRD_PARTY_NOTICES";

export interface NoticesOptions {
  /** The checkout whose `node_modules` the packages are in. */
  readonly root: string;
  readonly lock: Lock;
  /** The packages that are inside an executable, by name. */
  readonly packages: readonly string[];
}

/**
 * What has to stand beside an executable because of whose work is inside: each package with its version, its licence and
 * the words of that. Throws for a package that brings no licence text and is none of those known to bring none.
 */
export function formatNotices({ lock, packages, root }: NoticesOptions): string {
  const parts = [...new Set(packages)].sort().map((name) => {
    const { version } = lockEntryOf(lock, name);
    return `${RULE}\n${name} ${version}\n${licenceOf(lock, name)}\n${RULE}\n\n${textOf(root, name)}\n`;
  });
  return [INTRODUCTION, ...parts].join("\n");
}

const RULE = "=".repeat(78);

const INTRODUCTION = `The executable beside this file is made of entmootd, whose licence is in LICENSE,
and of the packages below, each under its own.
`;

/** Packages of native code, which bring no licence text. */
const NATIVE: Readonly<Record<string, { readonly holder: string; readonly more: string }>> = {
  bun: {
    holder: "the authors of Bun",
    more: `Bun links further libraries, among them JavaScriptCore, which is under LGPL-2, and
TinyCC, under LGPL-2.1. All of them with their licences, and how to link Bun anew
with another JavaScriptCore, are in LICENSE.md at https://github.com/oven-sh/bun.`,
  },
  "@number0/iroh": {
    holder: "N0, INC.",
    more: `Taken under the MIT licence. The library links crates of Rust, which are listed in
Cargo.lock at https://github.com/n0-computer/iroh-ffi.`,
  },
};

function textOf(root: string, name: string): string {
  const native = NATIVE[wholeOf(name)];
  if (native !== undefined) return `Copyright (c) ${native.holder}\n\n${MIT}\n${native.more}\n`;
  const dir = join(root, "node_modules", name);
  const file = (existsSync(dir) ? readdirSync(dir) : []).find((each) => /^(licen[cs]e|copying)(\.|$)/i.test(each));
  if (file === undefined) throw new Error(`${name}: brings no licence text; it cannot go into an archive`);
  return `${readFileSync(join(dir, file), "utf8").replaceAll("\r\n", "\n").trim()}\n`;
}

/** The licence of that name at spdx.org, after its copyright line. */
const MIT = `Permission is hereby granted, free of charge, to any person obtaining a copy of
this software and associated documentation files (the "Software"), to deal in the
Software without restriction, including without limitation the rights to use,
copy, modify, merge, publish, distribute, sublicense, and/or sell copies of the
Software, and to permit persons to whom the Software is furnished to do so,
subject to the following conditions:

The above copyright notice and this permission notice shall be included in all
copies or substantial portions of the Software.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR
IMPLIED, INCLUDING BUT NOT LIMITED TO THE WARRANTIES OF MERCHANTABILITY, FITNESS
FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE AUTHORS OR
COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER LIABILITY, WHETHER IN
AN ACTION OF CONTRACT, TORT OR OTHERWISE, ARISING FROM, OUT OF OR IN CONNECTION
WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE SOFTWARE.
`;
