import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join, resolve } from "node:path";
import { type Ended, Program } from "../support/program.ts";
import { TemporaryDirectory } from "../support/temporary-directory.ts";
import type { FakeFeed } from "./fake-feed.ts";

/** What the lines that install.sh adds to start-up files end with. */
export const PATH_MARK = "# added by entmoot's install.sh";

export const SCRIPT = resolve(import.meta.dir, "../../install.sh");

/** The shells the script is held to, beside those on people's machines. */
export const SHELLS: readonly (readonly string[])[] = [["dash"], ["busybox", "sh"]];

export interface RunOptions {
  readonly shell?: readonly string[];
  /** Over the usual environment; `undefined` takes a variable away. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** Another script than `SCRIPT`. */
  readonly script?: string;
  /** The script on stdin, as in `curl … | sh`, instead of the file. */
  readonly piped?: string;
}

/** A home folder of its own, with blanks in its path, and the script run in it. */
export class Sandbox implements Disposable {
  readonly #directory = new TemporaryDirectory();
  readonly home = join(this.#directory.path, "home of one");
  readonly temporary = join(this.#directory.path, "tmp");
  readonly installDir = join(this.home, ".entmoot");
  readonly binary = join(this.installDir, "bin/entmootd");
  readonly alias = join(this.installDir, "bin/entmoot");
  readonly #feed: FakeFeed | undefined;

  constructor(feed?: FakeFeed) {
    this.#feed = feed;
    mkdirSync(this.home);
    mkdirSync(this.temporary);
  }

  get path(): string {
    return this.#directory.path;
  }

  get env(): Record<string, string | undefined> {
    return {
      PATH: process.env.PATH,
      HOME: this.home,
      SHELL: "/bin/bash",
      TMPDIR: this.temporary,
      ENTMOOT_UPDATE_URL: this.#feed?.url,
      ENTMOOT_RELEASE_PUBKEYS: this.#feed?.key.publicKey,
    };
  }

  async run(
    args: readonly string[] = [],
    { shell = ["dash"], env = {}, script = SCRIPT, piped }: RunOptions = {},
  ): Promise<Ended> {
    // Not every shell knows -s, and none needs it without arguments.
    const fromPipe = args.length === 0 ? shell : [...shell, "-s", "--", ...args];
    const command = piped === undefined ? [...shell, script, ...args] : fromPipe;
    await using program = new Program(command, {
      env: { ...this.env, ...env },
      cwd: this.#directory.path,
      ...(piped === undefined ? {} : { stdin: piped }),
    });
    return await program.ended();
  }

  /** Runs the script where it must succeed. */
  async install(args: readonly string[] = [], options: RunOptions = {}): Promise<string> {
    const { status, stdout, stderr } = await this.run(args, options);
    if (status !== 0) throw new Error(`install.sh ${args.join(" ")}: status ${status}\n${stdout}${stderr}`);
    return stdout + stderr;
  }

  /** A copy of the script as a release has it: with its public keys filled in. */
  scriptWith(publicKey: string): string {
    const text = readFileSync(SCRIPT, "utf8").replace("\nRELEASE_PUBKEYS=''\n", `\nRELEASE_PUBKEYS='${publicKey}'\n`);
    if (!text.includes(publicKey)) throw new Error("install.sh has no place for release keys");
    const path = join(this.#directory.path, "install.sh");
    writeFileSync(path, text);
    return path;
  }

  /** Puts programs of these names, which do `body`, before all others; the PATH with them. */
  withTools(tools: Readonly<Record<string, string>>): string {
    for (const [name, body] of Object.entries(tools)) {
      this.write(`tools/${name}`, `#!/bin/sh\n${body}\n`);
      chmodSync(join(this.home, "tools", name), 0o755);
    }
    return `${this.home}/tools:${process.env.PATH}`;
  }

  /** What an installed program prints. */
  async said(path: string, ...args: string[]): Promise<string> {
    await using program = new Program([path, ...args], { env: { PATH: process.env.PATH, HOME: this.home } });
    const { status, stdout, stderr } = await program.ended();
    if (status !== 0) throw new Error(`${path}: status ${status}\n${stderr}`);
    return stdout;
  }

  /** The version that `bin/entmootd` tells; `undefined` when nothing is installed. */
  async version(): Promise<string | undefined> {
    return existsSync(this.binary) ? JSON.parse(await this.said(this.binary, "version")).version : undefined;
  }

  read(path: string): string {
    const full = join(this.home, path);
    return existsSync(full) ? readFileSync(full, "utf8") : "";
  }

  /** Whether a file in the home folder has `text` in it. */
  holds(name: string, text: string): boolean {
    return lstatSync(join(this.home, name)).isFile() && this.read(name).includes(text);
  }

  write(path: string, text: string): void {
    const full = join(this.home, path);
    mkdirSync(resolve(full, ".."), { recursive: true });
    writeFileSync(full, text);
  }

  link(path: string, target: string): void {
    const full = join(this.home, path);
    mkdirSync(resolve(full, ".."), { recursive: true });
    symlinkSync(target, full);
  }

  /** Every file below the home folder and what it holds, links by where they lead. */
  snapshot(): Record<string, string> {
    const found: Record<string, string> = {};
    for (const name of readdirSync(this.#directory.path, { recursive: true, encoding: "utf8" })) {
      const full = join(this.#directory.path, name);
      const stat = lstatSync(full);
      found[name] = stat.isSymbolicLink()
        ? `-> ${readlinkSync(full)}`
        : stat.isFile()
          ? `${stat.mode.toString(8)} ${Bun.hash(readFileSync(full))}`
          : "folder";
    }
    return found;
  }

  [Symbol.dispose](): void {
    this.#directory[Symbol.dispose]();
  }
}

/** How often `part` is in `text`. */
export function countOf(part: string, text: string): number {
  return text.split(part).length - 1;
}
