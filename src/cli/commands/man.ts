import { lstatSync, readdirSync } from "node:fs";
import { join, resolve } from "node:path";
import { EntmootError } from "../../core/errors.ts";
import { makeFolder, removeFile, replaceFile } from "../../files/guarded-files.ts";
import { readTextAtMost } from "../../files/read-at-most.ts";
import { BUILD_INFO } from "../../host/build-info.ts";
import { printJson, printLine } from "../../host/print.ts";
import { fileFailure } from "../../store/private-files.ts";
import { didYouMean } from "../../view/nearest.ts";
import { defineCommand } from "../line/command.ts";
import { COMMANDS } from "../line/command-table.ts";
import { globalFlags } from "../line/global-flags.ts";
import { headOf, type ManPage, manPages } from "../line/man-page.ts";

const LABEL = "man";
/** Ours. Pages are everybody's to read, also where a user's mask closes what is made. */
const FOLDER_MODE = 0o755;
const FILE_MODE = 0o644;
/** Ours. The longest page has a fiftieth of it. */
const PAGE_BYTES_MAX = 1024 * 1024;

/** `man`: pages of the manual, made of what help knows. */
export const man = defineCommand({
  meta: { name: LABEL, description: "Print a page of the manual, or write all of them to a folder" },
  help: {
    examples: ["entmootd man group create | man -l -", "entmootd man -dir ~/.local/share/man/man1"],
    exits: [0, 1, 5],
    notes: [
      "Without COMMAND the page of the program. Pages are roff, as man, mandoc and groff read it. The installer writes them to",
      'man/man1 in its bin folder, where man finds them by PATH: "man entmootd", "man entmootd-publish".',
    ],
  },
  args: {
    ...globalFlags,
    dir: { type: "string", valueHint: "DIR", description: "write every page there instead, over those of before" },
    words: { type: "positional", required: false, variadic: true, valueHint: "COMMAND…", description: "which command" },
  },
  async run({ args }) {
    const words: readonly string[] = args._;
    if (args.dir !== undefined && (args.dir === "" || words.length > 0)) {
      const expected = args.dir === "" ? "expected a folder, found none" : "writes every page; leave out COMMAND";
      throw new EntmootError("invalid_argument", `${LABEL}: -dir: ${expected}`);
    }
    const pages = await manPages(COMMANDS, globalFlags, BUILD_INFO);
    if (args.dir !== undefined) {
      const dir = resolve(args.dir);
      writePages(dir, pages);
      printJson({ event: "written", dir, pages: pages.length });
      return;
    }
    printLine(pageOf(words, pages).roff.trimEnd());
  },
});

function pageOf(words: readonly string[], pages: readonly ManPage[]): ManPage {
  const named = (name: string) => `entmootd${name === "" ? "" : `-${name}`}.1`;
  const wanted = words.join("-");
  const found = pages.find(({ name }) => name === named(wanted));
  if (found !== undefined) return found;
  const all = pages.map(({ name }) => name.replace(/^entmootd-?/, "").replace(/\.1$/, ""));
  const shown = JSON.stringify(words.join(" ").slice(0, 80));
  throw new EntmootError(
    "invalid_argument",
    `${LABEL}: no command is called ${shown}${didYouMean(wanted, all)}; "entmootd -help" lists them; to write all pages to a folder: -dir DIR`,
  );
}

function writePages(dir: string, pages: readonly ManPage[]): void {
  try {
    makeFolder(dir, FOLDER_MODE);
    for (const { name, roff } of pages) replaceFile(join(dir, name), roff, { mode: FILE_MODE });
    for (const name of readdirSync(dir)) if (isDropped(name, dir, pages)) removeFile(join(dir, name));
  } catch (error) {
    throw fileFailure(error, dir);
  }
}

/** A page that another version wrote there, of a command that this one has not. */
function isDropped(name: string, dir: string, pages: readonly ManPage[]): boolean {
  if (!/^entmootd-[a-z-]+\.1$/.test(name) || pages.some((page) => page.name === name)) return false;
  const path = join(dir, name);
  if (!lstatSync(path, { throwIfNoEntry: false })?.isFile()) return false;
  return readTextAtMost(path, PAGE_BYTES_MAX)?.startsWith(headOf(name)) === true;
}
