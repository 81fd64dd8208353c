import { BINARY } from "./binary.ts";

/** The words of every command of the compiled program, those with parts without and with each, as its help lists them. */
export function allCommands(home: string): string[][] {
  const helpOf = (words: readonly string[]) => {
    const run = Bun.spawnSync([BINARY, ...words, "-help"], { env: { HOME: home, PATH: process.env.PATH ?? "" } });
    return run.stdout.toString();
  };
  const names = (help: string, title: string) => {
    const section = help.split(new RegExp(`^${title}:$`, "m"))[1]?.split(/^\S/m)[0] ?? "";
    return [...section.matchAll(/^ {2}([a-z][a-z-]*)(?: |$)/gm)].map(([, name]) => name!);
  };
  const program = helpOf([]);
  const commands = [...names(program, "commands"), ...names(program, "opt-in coordination")];
  const within = (words: readonly string[]): string[][] => [
    [...words],
    ...names(helpOf(words), "operations").flatMap((part) => within([...words, part])),
  ];
  return commands.flatMap((command) => within([command]));
}
