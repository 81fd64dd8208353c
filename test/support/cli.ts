import { delimiter, dirname } from "node:path";
import { BINARY } from "./binary.ts";

export interface CliResult {
  readonly stdout: string;
  readonly stderr: string;
  readonly exit: number;
  /** Each line of stdout as JSON. */
  json(): Record<string, unknown>[];
}

/** Runs the compiled command line to its end. Nothing in `home` but what the test put there. */
export async function cli(
  home: string,
  args: readonly string[],
  options: { readonly env?: Readonly<Record<string, string>>; readonly stdin?: string } = {},
): Promise<CliResult> {
  const child = startCli(home, args, options);
  const [stdout, stderr, exit] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ]);
  const json = () =>
    stdout
      .split("\n")
      .filter((line) => line !== "")
      .map((line) => JSON.parse(line));
  return { stdout, stderr, exit, json };
}

/** The same, still running. */
export function startCli(
  home: string,
  args: readonly string[],
  { env = {}, stdin }: { readonly env?: Readonly<Record<string, string>>; readonly stdin?: string } = {},
) {
  return Bun.spawn([BINARY, ...args], {
    // Found by its name, so that what it says names it so.
    env: { HOME: home, PATH: `${dirname(BINARY)}${delimiter}${process.env.PATH ?? ""}`, ...env },
    stdin: stdin === undefined ? "ignore" : new TextEncoder().encode(stdin),
    stdout: "pipe",
    stderr: "pipe",
  });
}

/** The lines of a stream as they come. */
export async function* linesOf(stream: ReadableStream<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const chunk of stream) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split("\n");
    rest = lines.pop() ?? "";
    yield* lines;
  }
  if (rest !== "") yield rest;
}
