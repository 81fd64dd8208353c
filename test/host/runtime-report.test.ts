import { afterAll, describe, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { findDaemons } from "../../src/host/daemon-processes.ts";
import { inspectRuntime, type RuntimeQuestion, socketAccepts } from "../../src/host/runtime-report.ts";
import { shellCommand } from "../../src/host/shell-quote.ts";

// Short, because a socket path holds about a hundred characters.
const base = mkdtempSync(join(tmpdir(), "em-"));
afterAll(() => rmSync(base, { recursive: true, force: true }));
let made = 0;

/** A question about an empty machine: nothing runs and nothing is installed. */
function question(change: Partial<RuntimeQuestion> = {}): RuntimeQuestion {
  const root = join(base, String(made++));
  mkdirSync(join(root, "proc"), { recursive: true });
  return {
    dataDir: join(root, "data"),
    identityPath: join(root, "data/identity.json"),
    pilotSocket: join(root, "pilot.sock"),
    agentSocket: undefined,
    home: root,
    features: { fleet: false, tasks: false },
    procRoot: join(root, "proc"),
    systemRoot: join(root, "system"),
    answers: () => Promise.resolve(true),
    whyNot: () => Promise.resolve(undefined),
    ...change,
  };
}

function addProcess(procRoot: string, pid: number, argv: readonly string[]): string {
  const dir = join(procRoot, String(pid));
  mkdirSync(join(dir, "ns"), { recursive: true });
  writeFileSync(join(dir, "cmdline"), argv.map((arg) => `${arg}\0`).join(""));
  symlinkSync("mnt:[1]", join(dir, "ns/mnt"));
  symlinkSync("/srv", join(dir, "cwd"));
  return dir;
}

/** Something that accepts on a Unix socket, while `use` runs. */
async function listening<T>(path: string, use: () => Promise<T>): Promise<T> {
  mkdirSync(dirname(path), { recursive: true });
  const server = createServer((socket) => socket.destroy());
  await new Promise<void>((resolve) => server.listen(path, resolve));
  try {
    return await use();
  } finally {
    await new Promise((resolve) => server.close(resolve));
  }
}

describe("the state of a machine", () => {
  test("with an agents' socket is what that socket says", async () => {
    const asked = question();
    const agentSocket = join(asked.home, "a.sock");
    const report = () => inspectRuntime({ ...asked, agentSocket });
    expect(await report()).toMatchObject({
      runtime_status: "down",
      runtime_status_reason: expect.stringContaining("ENTMOOT_AGENT_SOCKET"),
      agent_socket_reachable: false,
      publish_path_healthy: false,
    });
    expect(await listening(agentSocket, report)).toMatchObject({
      runtime_status: "healthy",
      agent_socket: agentSocket,
      control_socket_reachable: false,
      publish_path_healthy: true,
    });
    expect(await inspectRuntime(asked)).not.toHaveProperty("agent_socket");
  });

  test("is down when neither socket nor process is there, and looking creates nothing", async () => {
    const asked = question();
    const report = await inspectRuntime(asked);
    expect(report).toMatchObject({ runtime_status: "down", runtime_status_reason: "control socket is not reachable" });
    expect(report).not.toHaveProperty("running_daemon");
    expect(readdirSync(asked.home)).toEqual(["proc"]);
  });

  test("that is down says why as a command would, and which other daemon could be meant", async () => {
    const why = "control socket /data/control.sock: cannot be used: /data: no permission (EACCES)";
    const asked = question({ whyNot: () => Promise.resolve(why) });
    addProcess(asked.procRoot, 1, ["entmootd", "-data", "/da ta", "serve"]);
    const report = await inspectRuntime(asked);
    expect(report).toMatchObject({ runtime_status: "down", runtime_status_reason: expect.stringContaining(why) });
    expect(report.suggestions).toEqual([
      "a daemon of another data root runs: pid 1, data /da ta; if it is the one meant: ENTMOOT_DATA='/da ta'",
    ]);
    const agents = await inspectRuntime({ ...asked, agentSocket: join(asked.home, "a.sock") });
    expect(agents.runtime_status_reason).toBe(`the socket that ENTMOOT_AGENT_SOCKET names is not reachable: ${why}`);
    expect(agents).not.toHaveProperty("suggestions");
  });

  test("is healthy when the control socket accepts, whatever Pilot does", async () => {
    const asked = question();
    const report = await listening(join(asked.dataDir, "control.sock"), () => inspectRuntime(asked));
    expect(report).toMatchObject({
      runtime_status: "healthy",
      publish_path_healthy: true,
      pilot_socket_reachable: false,
    });
    expect(report).not.toHaveProperty("runtime_status_reason");
  });

  test("passes on why a daemon refuses to answer", async () => {
    const asked = question({ answers: () => Promise.resolve("the daemon is full: try again") });
    const report = await listening(join(asked.dataDir, "control.sock"), () => inspectRuntime(asked));
    expect(report).toMatchObject({
      runtime_status: "half_alive",
      runtime_status_reason: "the daemon is full: try again",
      publish_path_healthy: false,
    });
  });

  test("is half alive when the socket accepts and nobody answers, and a stopped process is named", async () => {
    const asked = question({ answers: () => Promise.resolve(false) });
    const report = () => listening(join(asked.dataDir, "control.sock"), () => inspectRuntime(asked));
    expect(await report()).toMatchObject({
      runtime_status: "half_alive",
      runtime_status_reason: expect.stringContaining("did not answer"),
      control_socket_reachable: true,
      publish_path_healthy: false,
    });
    const dir = addProcess(asked.procRoot, 41, ["entmootd", "-data", asked.dataDir, "serve"]);
    writeFileSync(join(dir, "stat"), "41 (a) R b) T 1 41 41");
    expect(await report()).toMatchObject({
      runtime_status_reason: expect.stringContaining("kill -CONT 41"),
      running_daemon: { pid: 41, stopped: true },
    });
  });

  test("is half alive when a daemon runs whose socket does not answer, and the stack helper is named where it is", async () => {
    const asked = question();
    addProcess(asked.procRoot, 41, ["/usr/bin/entmootd", "-data", asked.dataDir, "serve"]);
    mkdirSync(join(asked.systemRoot, "data/.pilot"), { recursive: true });
    writeFileSync(join(asked.systemRoot, "data/.pilot/start-entmoot-stack.sh"), "");
    const report = await inspectRuntime(asked);
    expect(report).toMatchObject({
      runtime_status: "half_alive",
      running_daemon: { pid: 41, data_dir: asked.dataDir },
    });
    expect(report.suggestions?.join("\n")).toContain("start-entmoot-stack.sh check");
  });

  test("tells how to reach a daemon whose socket only its own mount namespace shows", async () => {
    const asked = question();
    const dir = addProcess(asked.procRoot, 77, ["entmootd", `--data=${asked.dataDir}`, "up"]);
    mkdirSync(join(dir, "root"), { recursive: true });
    writeFileSync(join(dir, "root/.dockerenv"), "");
    const via = join(dir, "root", asked.dataDir, "control.sock");
    const report = await listening(via, () => inspectRuntime(asked));
    expect(report.namespace_warning).toContain("pid 77");
    expect(report.running_daemon).toMatchObject({
      control_socket_via_pid: via,
      container_like: true,
      mount_namespace: "mnt:[1]",
    });
    expect(report.suggestions?.[0]).toContain("nsenter --target 77 --mount -- entmootd -socket");
    expect(report.suggestions?.join("\n")).toContain("docker exec");
  });
});

describe("a daemon process", () => {
  const find = (asked: RuntimeQuestion) => findDaemons({ ...asked, selfPid: 5 }).ours;

  test.each([
    [["entmootd", "-data", "DATA", "serve"]],
    [["/opt/entmootd", "--data=DATA", "join", "x"]],
    [["entmootd", "serve", "-data=DATA"]],
    [["entmoot", "-log-level", "serve", "-data", "DATA", "up"]],
    [["entmootd", "-hide-ip", "-data", "/other", "-data", "DATA", "serve"]],
  ])("is found: %j", (argv) => {
    const asked = question();
    addProcess(
      asked.procRoot,
      9,
      argv.map((arg) => arg.replace("DATA", asked.dataDir)),
    );
    expect(find(asked)).toMatchObject({ pid: 9, data_dir: asked.dataDir });
  });

  test.each([
    [["entmootd", "-data", "DATA", "esp", "serve"]],
    [["entmootd", "-data", "DATA", "tail"]],
    [["other", "-data", "DATA", "serve"]],
    [["entmootd", "-data", "/elsewhere", "serve"]],
    [["entmootd", "-data", "DATA", "-log-level", "serve"]],
    [[]],
  ])("is not: %j", (argv) => {
    const asked = question();
    addProcess(
      asked.procRoot,
      9,
      argv.map((arg) => arg.replace("DATA", asked.dataDir)),
    );
    expect(find(asked)).toBeUndefined();
  });

  test("without -data has the root that its environment names, or the one in its home", () => {
    const asked = question();
    const own = join(asked.home, ".entmoot");
    const add = (pid: number, env: string) =>
      writeFileSync(join(addProcess(asked.procRoot, pid, ["entmootd", "serve"]), "environ"), env);
    add(9, `HOME=${asked.home}\0ENTMOOT_DATA=/srv/oak\0`);
    add(10, "PATH=/bin\0HOME=/srv/elm\0");
    expect(find({ ...asked, dataDir: own })).toBeUndefined();
    expect(find({ ...asked, dataDir: "/srv/oak" })?.pid).toBe(9);
    expect(find({ ...asked, dataDir: "/srv/elm/.entmoot" })?.pid).toBe(10);
    add(11, `ENTMOOT_DATA=\0HOME=${asked.home}\0`);
    expect(find({ ...asked, dataDir: own })?.pid).toBe(11);
  });

  test("whose environment or folder cannot be read is judged by what it shows, or not at all", () => {
    const asked = question();
    const own = join(asked.home, ".entmoot");
    const seen = (dataDir: string) => findDaemons({ ...asked, dataDir, selfPid: 5 });
    addProcess(asked.procRoot, 9, ["entmootd", "serve"]);
    rmSync(join(addProcess(asked.procRoot, 10, ["entmootd", "-data", "here", "serve"]), "cwd"));
    addProcess(asked.procRoot, 11, ["entmootd", "-data", "/srv/oak", "serve"]);
    expect(seen(own)).toMatchObject({ ours: undefined, unknown: [{ pid: 9 }, { pid: 10 }] });
    expect(seen("/srv/oak")).toMatchObject({ ours: { pid: 11 }, unknown: [] });
    // Whether it sees the same files is not shown either.
    mkdirSync(join(asked.procRoot, "self/ns"), { recursive: true });
    symlinkSync("mnt:[1]", join(asked.procRoot, "self/ns/mnt"));
    rmSync(join(asked.procRoot, "11/ns/mnt"));
    expect(seen("/srv/oak").unknown.map(({ pid }) => pid)).toEqual([9, 10, 11]);
  });

  test("with a relative root counts it from where it was started, also when that folder is gone", () => {
    const asked = question();
    addProcess(asked.procRoot, 9, ["entmootd", "-data", "here", "serve"]);
    expect(find({ ...asked, dataDir: "/srv/here" })?.pid).toBe(9);
    const gone = addProcess(asked.procRoot, 10, ["entmootd", "-data", "../a", "serve"]);
    rmSync(join(gone, "cwd"));
    symlinkSync("/srv/worktree (deleted)", join(gone, "cwd"));
    expect(find({ ...asked, dataDir: "/srv/a" })?.pid).toBe(10);
    const restarted = addProcess(asked.procRoot, 11, ["entmootd", "-data", "../b", "serve"]);
    writeFileSync(join(restarted, "environ"), "ENTMOOT_START_FOLDER=/var/worktree\0");
    expect(find({ ...asked, dataDir: "/var/b" })?.pid).toBe(11);
  });

  test("in another mount namespace is ours when the path leads to the same folder there", () => {
    const asked = question();
    mkdirSync(join(asked.procRoot, "self/ns"), { recursive: true });
    symlinkSync("mnt:[2]", join(asked.procRoot, "self/ns/mnt"));
    const dir = addProcess(asked.procRoot, 9, ["entmootd", "-data", asked.dataDir, "serve"]);
    mkdirSync(asked.dataDir);
    mkdirSync(join(dir, "root", asked.dataDir), { recursive: true });
    expect(find(asked)).toBeUndefined();
    rmSync(join(dir, "root"), { recursive: true });
    symlinkSync("/", join(dir, "root"));
    expect(find(asked)?.pid).toBe(9);
  });

  test("is never ourselves, and what else it was given is not repeated", () => {
    const asked = question();
    addProcess(asked.procRoot, 5, ["entmootd", "-data", asked.dataDir, "serve"]);
    expect(find(asked)).toBeUndefined();
    addProcess(asked.procRoot, 6, ["entmootd", "-data", asked.dataDir, "join", "entmoot://join/secret"]);
    expect(JSON.stringify(find(asked))).not.toContain("secret");
  });

  test("is not looked for where there is no /proc", () => {
    expect(find(question({ procRoot: join(base, "none") }))).toBeUndefined();
  });
});

test("a socket file that nobody listens on does not accept", async () => {
  const path = join(base, "stale.sock");
  await listening(path, async () => expect(await socketAccepts(path, 1_000)).toBe(true));
  writeFileSync(path, "");
  expect(await socketAccepts(path, 1_000)).toBe(false);
});

test("suggested commands can be pasted, quotes and blanks included", () => {
  const words = ["entmootd", "-data", "/a b", "it's", "", "x=y,z:1+2"];
  const command = shellCommand(words);
  expect(command).toBe(`entmootd -data '/a b' 'it'"'"'s' '' x=y,z:1+2`);
  const { stdout } = Bun.spawnSync(["sh", "-c", `printf '%s\\n' ${command}`]);
  expect(stdout.toString()).toBe(`${words.join("\n")}\n`);
});
