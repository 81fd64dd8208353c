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

/** Packages of native code, which bring no licence text: what they link in their turn, and the texts of its licences. */
interface Native {
  readonly holder: string;
  readonly more: string;
  /** What is linked, as its authors or its build tell it. */
  readonly linked: (root: string) => string;
  /** Files of `licences/`, by the SPDX name of what they hold. */
  readonly licences: readonly string[];
}

const NATIVE: Readonly<Record<string, Native>> = {
  bun: {
    holder: "the authors of Bun",
    more: `Bun links further libraries, among them JavaScriptCore and other parts of WebKit
(LGPL-2.0, https://github.com/oven-sh/WebKit) and TinyCC (LGPL-2.1,
https://github.com/tinycc/tinycc). How to link Bun anew with another of them is
told below, in the words of its authors; texts of licences that are not here are
at the addresses beside the names.`,
    linked: (root) => withoutHead(read(join(root, "node_modules/bun-types/docs/project/license.mdx"))),
    licences: ["LGPL-2.0", "LGPL-2.1", "Apache-2.0"],
  },
  "@number0/iroh": {
    holder: "N0, INC.",
    more: `Taken under the MIT licence. The library links the crates of Rust below, on some
systems fewer of them: name, version where the library tells it, licence by its
SPDX name, source, and whose it is. Of a choice of licences MIT is taken, whose
text is above, where it is among them; the texts of the others follow the list.`,
    linked: () => read(join(LICENCES, "iroh-crates.txt")),
    licences: [
      "Apache-2.0",
      "BSD-2-Clause",
      "BSD-3-Clause",
      "CDLA-Permissive-2.0",
      "ISC",
      "MPL-2.0",
      "Unicode-3.0",
      "Unlicense",
      "Zlib",
      "ring",
    ],
  },
};

/** Packages under MIT that bring no licence text: whose they are, as their sources say. */
const HOLDERS: Readonly<Record<string, readonly string[]>> = {
  "@xterm/headless": [
    "2014-2022 The xterm.js authors",
    "2012-2013 Christopher Jeffrey",
    "2011 Fabrice Bellard",
    "Microsoft Corporation",
  ],
};

const LICENCES = join(import.meta.dir, "licences");

function textOf(root: string, name: string): string {
  const native = NATIVE[wholeOf(name)];
  if (native !== undefined) return nativeText(root, native);
  const holders = HOLDERS[name];
  if (holders !== undefined) return `${holders.map((each) => `Copyright (c) ${each}\n`).join("")}\n${MIT}`;
  const dir = join(root, "node_modules", name);
  const file = (existsSync(dir) ? readdirSync(dir) : []).find((each) => /^(licen[cs]e|copying)(\.|$)/i.test(each));
  if (file === undefined) throw new Error(`${name}: brings no licence text; it cannot go into an archive`);
  // What a package has bundled in its turn.
  const bundled = join(dir, "dist/THIRD-PARTY-LICENSES.md");
  return [join(dir, file), ...(existsSync(bundled) ? [bundled] : [])].map(read).join("\n");
}

function nativeText(root: string, { holder, licences, linked, more }: Native): string {
  const texts = licences.map((licence) => `--- ${licence}\n\n${read(join(LICENCES, `${licence}.txt`))}`);
  return [`Copyright (c) ${holder}\n\n${MIT}\n${more}\n`, linked(root), ...texts].join("\n");
}

function read(path: string): string {
  return `${readFileSync(path, "utf8").replaceAll("\r\n", "\n").trim()}\n`;
}

/** A page without the lines that tell a web site of it. */
function withoutHead(page: string): string {
  return page.replace(/^---\n.*?\n---\n+/s, "");
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
