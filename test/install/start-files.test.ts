import { expect } from "bun:test";
import { readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { missingTool, testWhere } from "../support/needs.ts";
import { FakeFeed } from "./fake-feed.ts";
import { countOf, PATH_MARK, Sandbox } from "./sandbox.ts";

const needs = missingTool("openssl") ?? missingTool("curl") ?? missingTool("dash");
const test = (name: string, run: () => Promise<void>, missing?: string) => testWhere(needs ?? missing, name, run);

/** What a shell of the person in `box` finds under the name entmootd, and its PATH. */
function found(box: Sandbox, ...shell: string[]): string[] {
  const env = { PATH: process.env.PATH, HOME: box.home };
  const ran = Bun.spawnSync([...shell, "-c", 'command -v entmootd; echo "$PATH"'], { env });
  return ran.stdout.toString().split("\n").slice(0, -1);
}

for (const [files, changed] of [
  [[], [".bashrc", ".profile"]],
  [[".bashrc"], [".bashrc", ".profile"]],
  [[".profile"], [".bashrc", ".profile"]],
  [[".bash_profile"], [".bash_profile", ".bashrc"]],
  [[".bash_login"], [".bash_login", ".bashrc"]],
  [
    [".bash_profile", ".profile"],
    [".bash_profile", ".bashrc", ".profile"],
  ],
] as const) {
  test(`bash, where there is ${files.join(" and ") || "no start-up file"}: login shells find the program too`, async () => {
    using feed = new FakeFeed();
    feed.publish();
    using box = new Sandbox(feed);
    // A start-up file that reads another does not put the folder on PATH twice.
    for (const file of files)
      box.write(file, file === ".profile" ? '[ ! -f "$HOME/.bashrc" ] || . "$HOME/.bashrc"\n' : "# mine\n");
    const before = box.snapshot();
    await box.install();
    await box.install();
    expect(changed.map((file) => countOf(PATH_MARK, box.read(file)))).toEqual(changed.map(() => 1));
    const bash = found(box, "bash", "-l");
    expect(bash[0]).toBe(box.binary);
    expect(countOf(`${box.installDir}/bin`, bash[1]!)).toBe(1);
    if ((changed as readonly string[]).includes(".profile")) expect(found(box, "dash", "-l")[0]).toBe(box.binary);
    expect(await box.install(["uninstall"])).not.toContain("cannot");
    expect(box.snapshot()).toEqual(before);
  });
}

for (const [shell, file] of [
  ["/usr/bin/zsh", ".zshrc"],
  ["/usr/bin/fish", ".config/fish/conf.d/entmoot.fish"],
] as const) {
  test(`${shell}: .profile, which other shells read at login, gets the line too`, async () => {
    using feed = new FakeFeed();
    feed.publish();
    using box = new Sandbox(feed);
    await box.install([], { env: { SHELL: shell } });
    for (const each of [file, ".profile"]) expect([each, countOf(PATH_MARK, box.read(each))]).toEqual([each, 1]);
    expect(found(box, "dash", "-l")[0]).toBe(box.binary);
  });
}

/** What a shell started without any of this finds: by the file that it reads, or by what the script says is left to do. */
const NEXT_SHELLS: readonly (readonly [shell: string | undefined, files: readonly string[], said: string])[] = [
  [undefined, [".bashrc", ".profile"], ""],
  ["/bin/dash", [".profile"], 'finds it after: . "$HOME/.profile"'],
  ["/usr/bin/ksh93", [".kshrc", ".profile"], 'finds it after: . "$HOME/.profile"'],
  ["/usr/bin/mksh", [".mkshrc", ".profile"], 'finds it after: . "$HOME/.profile"'],
  ["/usr/bin/yash", [".profile", ".yashrc"], ""],
  ["/bin/tcsh", [".profile"], "put this line into .tcshrc:\ninstall.sh:   set path = ( "],
  ["/usr/bin/nu", [".profile"], "put this line into config.nu:\ninstall.sh:   $env.PATH = ($env.PATH | prepend "],
  ["/opt/odd shell", [".profile"], "odd shell may read none of these files; add "],
];

for (const [shell, files, said] of NEXT_SHELLS) {
  test(`SHELL=${shell ?? ""}: the next shell finds the program, or what is left to do is told`, async () => {
    using feed = new FakeFeed();
    feed.publish();
    using box = new Sandbox(feed);
    for (const file of [".kshrc", ".mkshrc", ".yashrc"]) box.write(file, "# mine\n");
    const before = box.snapshot();
    // The list of users, when SHELL does not tell.
    const PATH = box.withTools({ getent: "echo me:x:1:1:me:/:/bin/bash" });
    const env = { SHELL: shell, PATH };
    expect(await box.install([], { env })).toContain(said);
    const changed = readdirSync(box.home).filter((name) => box.holds(name, PATH_MARK));
    expect(changed.toSorted()).toEqual(files.toSorted());
    expect(found(box, "dash", "-l")[0]).toBe(box.binary);
    if (shell === undefined) expect(found(box, "bash", "-i")[0]).toBe(box.binary);
    await box.install(["uninstall"], { env });
    rmSync(join(box.home, "tools"), { recursive: true });
    expect(box.snapshot()).toEqual(before);
  });
}

test("without HOME it is told that no start-up file is known", async () => {
  using feed = new FakeFeed();
  feed.publish();
  using box = new Sandbox(feed);
  const said = await box.install([], { env: { HOME: undefined, ENTMOOT_HOME: box.installDir } });
  expect(said).toContain(`HOME is not set, so no start-up file is known; add '${box.installDir}/bin' to PATH`);
});

test("uninstall removes the start-up files that were made for it, and leaves what people wrote in them since", async () => {
  using feed = new FakeFeed();
  feed.publish();
  using box = new Sandbox(feed);
  await box.install();
  box.write(".bashrc", `${box.read(".bashrc")}alias ll='ls -l'\n`);
  await box.install(["uninstall"]);
  expect(readdirSync(box.home)).toEqual([".bashrc"]);
  expect(box.read(".bashrc")).toBe("alias ll='ls -l'\n");
  // An empty one that was there stays.
  box.write(".bashrc", "");
  await box.install();
  await box.install(["uninstall"]);
  expect(readdirSync(box.home)).toEqual([".bashrc"]);
});

test("start-up files are what they were to the byte after uninstall, also one whose last line has no end", async () => {
  using feed = new FakeFeed();
  feed.publish();
  using box = new Sandbox(feed);
  const texts = { ".bashrc": "a\n\nb", ".profile": "\n\tc\r\n\n\n", ".bash_profile": "\xff d", ".bash_login": "" };
  for (const [file, text] of Object.entries(texts)) box.write(file, text);
  for (let round = 0; round < 2; round++) {
    await box.install();
    await box.install();
    for (const file of Object.keys(texts)) expect([file, countOf(PATH_MARK, box.read(file))]).toEqual([file, 1]);
    expect(found(box, "bash", "-l")[0]).toBe(box.binary);
    await box.install(["uninstall"]);
    for (const [file, text] of Object.entries(texts)) expect([file, box.read(file)]).toEqual([file, text]);
  }
  // Also where the folder's name is written in another way than it is.
  const env = { ENTMOOT_HOME: join(box.home, "it's") };
  for (const args of [[], [], ["uninstall"]]) {
    await box.install(args, { env });
    expect(countOf(PATH_MARK, box.read(".bashrc"))).toBe(args.length === 0 ? 1 : 0);
  }
  expect(box.read(".bashrc")).toBe(texts[".bashrc"]);
  // What came after it since begins a line of its own.
  await box.install();
  box.write(".bashrc", `${box.read(".bashrc")}e\n`);
  await box.install(["uninstall"]);
  expect(box.read(".bashrc")).toBe("a\n\nb\ne\n");
});

test("the last line names a command that this very shell has, and that uses what was installed", async () => {
  using feed = new FakeFeed();
  feed.publish();
  using box = new Sandbox(feed);
  const lastLine = async (env: Record<string, string>) => (await box.install([], { env })).trimEnd().split("\n").at(-1);
  const elsewhere = join(box.path, "else");
  const onPath = (dir: string) => `${dir}:${process.env.PATH}`;
  expect(await lastLine({})).toBe(`start here: '${box.installDir}/entmoot' up`);
  expect(await lastLine({ PATH: onPath(`${box.installDir}/bin`) })).toBe("start here: entmoot up");
  expect(await lastLine({ ENTMOOT_HOME: elsewhere })).toBe(`start here: '${elsewhere}/entmoot' up`);
  expect(await lastLine({ ENTMOOT_HOME: elsewhere, PATH: onPath(`${elsewhere}/bin`) })).toBe(
    `start here: '${elsewhere}/entmoot' up`,
  );
  // Another one comes first on PATH.
  const other = box.withTools({ entmoot: "exit 1" });
  expect(await lastLine({ PATH: `${box.home}/tools:${box.installDir}/bin:${other}` })).toBe(
    `start here: '${box.installDir}/entmoot' up`,
  );
});
