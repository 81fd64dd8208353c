import { existsSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { type DaemonElsewhere, type DaemonProcess, findDaemons, type UnknownDaemon } from "./daemon-processes.ts";
import { realClock } from "./real-clock.ts";
import { shellCommand } from "./shell-quote.ts";

/** What `env -json` prints and `doctor` repeats, in this key order. */
export interface RuntimeReport {
  readonly binary: string;
  readonly uid: number;
  readonly gid: number;
  readonly runtime_status: "healthy" | "half_alive" | "down";
  readonly runtime_status_reason?: string;
  readonly data_dir: string;
  readonly identity_path: string;
  readonly pilot_socket: string;
  readonly pilot_socket_reachable: boolean;
  readonly control_socket: string;
  readonly control_socket_reachable: boolean;
  /** Both only where `ENTMOOT_AGENT_SOCKET` names one: commands then speak over it and nothing else. */
  readonly agent_socket?: string;
  readonly agent_socket_reachable?: boolean;
  readonly publish_path_healthy: boolean;
  readonly features: { readonly fleet_enabled: boolean; readonly tasks_enabled: boolean };
  readonly agent_wrapper?: string;
  readonly pilot_wrapper?: string;
  readonly stack_helper?: string;
  readonly running_daemon?: DaemonProcess;
  /** Daemons of which it cannot be told from here whether they serve this data root. */
  readonly unknown_daemons?: readonly UnknownDaemon[];
  readonly namespace_warning?: string;
  readonly suggestions?: readonly string[];
  readonly recommended: { readonly agent_data_dir: string; readonly agent_pilot_socket: string };
  readonly platform: { readonly goarch: string; readonly goos: string };
}

/** Where things are meant to be. `procRoot` and `systemRoot` are `/proc` and `` except in tests. */
export interface RuntimeQuestion {
  readonly dataDir: string;
  readonly identityPath: string;
  readonly pilotSocket: string;
  readonly agentSocket: string | undefined;
  readonly home: string;
  readonly features: { readonly fleet: boolean; readonly tasks: boolean };
  readonly procRoot: string;
  readonly systemRoot: string;
  /** Whether the daemon behind the socket answers a real question in time; a text is why it says that it does not. */
  readonly answers: (socket: string) => Promise<boolean | string>;
  /** Why nobody is reached over the socket, as a command would say it; `undefined` where nothing more than that is known. */
  readonly whyNot: (socket: string) => Promise<string | undefined>;
}

/** Wire. How long the original waits for a socket to accept, in `env`. */
const PROBE_TIMEOUT_MS = 250;
const AGENT_DATA_DIR = "/data/.entmoot";
const AGENT_PILOT_SOCKET = "/data/.pilot/pilot.sock";
const AGENT_WRAPPER = "/data/.entmoot/entmoot";
const PILOT_WRAPPER = "/data/.pilot/pilot";
const STACK_HELPER = "/data/.pilot/start-entmoot-stack.sh";

/** Looks, and changes nothing: neither the data root nor an identity is created. */
export async function inspectRuntime(question: RuntimeQuestion): Promise<RuntimeReport> {
  const controlSocket = join(question.dataDir, "control.sock");
  const { agentSocket } = question;
  const [controlReachable, pilotReachable, agentReachable] = await Promise.all([
    socketAccepts(controlSocket, PROBE_TIMEOUT_MS),
    socketAccepts(question.pilotSocket, PROBE_TIMEOUT_MS),
    agentSocket === undefined ? undefined : socketAccepts(agentSocket, PROBE_TIMEOUT_MS),
  ]);
  const reachable = agentReachable ?? controlReachable;
  // A process that is stopped accepts connections too: only an answer tells.
  const answered = reachable && (await question.answers(agentSocket ?? controlSocket));
  const isHealthy = answered === true;
  const { ours: daemon, unknown, others } = findDaemons({ ...question, selfPid: process.pid });
  const viaPid = daemon?.control_socket_via_pid;
  const hidden = !controlReachable && viaPid !== undefined && (await socketAccepts(viaPid, PROBE_TIMEOUT_MS));
  const isThere = reachable || (daemon !== undefined && agentSocket === undefined);
  const status: RuntimeReport["runtime_status"] = isHealthy ? "healthy" : isThere ? "half_alive" : "down";
  const stackHelper = existing(question, STACK_HELPER);
  const halfAlive = status === "half_alive" && !reachable;
  const elsewhere = status === "down" && agentSocket === undefined ? others : [];
  const suggestions = suggest({ question, daemon, hidden, halfAlive, stackHelper, elsewhere });
  return omitUndefined({
    binary: process.execPath,
    uid: process.getuid?.() ?? -1,
    gid: process.getgid?.() ?? -1,
    runtime_status: status,
    runtime_status_reason: reasonFor({
      status,
      reachable,
      agentReachable,
      daemon,
      answered,
      isThere: existsSync(question.dataDir) || hidden,
      whyNot: reachable || hidden ? undefined : await question.whyNot(agentSocket ?? controlSocket),
    }),
    data_dir: question.dataDir,
    identity_path: question.identityPath,
    pilot_socket: question.pilotSocket,
    pilot_socket_reachable: pilotReachable,
    control_socket: controlSocket,
    control_socket_reachable: controlReachable,
    agent_socket: agentSocket,
    agent_socket_reachable: agentReachable,
    publish_path_healthy: isHealthy,
    features: { fleet_enabled: question.features.fleet, tasks_enabled: question.features.tasks },
    agent_wrapper: existing(question, AGENT_WRAPPER),
    pilot_wrapper: existing(question, PILOT_WRAPPER),
    stack_helper: stackHelper,
    running_daemon: daemon,
    unknown_daemons: unknown.length === 0 ? undefined : unknown,
    namespace_warning:
      hidden && daemon !== undefined
        ? `the daemon with pid ${daemon.pid} owns this data root but runs in another mount namespace; its control socket is not visible from here`
        : undefined,
    suggestions: suggestions.length > 0 ? suggestions : undefined,
    recommended: { agent_data_dir: AGENT_DATA_DIR, agent_pilot_socket: AGENT_PILOT_SOCKET },
    platform: { goarch: GO_ARCH[process.arch] ?? process.arch, goos: GO_OS[process.platform] ?? process.platform },
  });
}

/** Whether a stream socket at `path` accepts a connection within `timeoutMs`. Sends nothing; never throws. */
export function socketAccepts(path: string, timeoutMs: number): Promise<boolean> {
  if (!existsSync(path)) return Promise.resolve(false);
  return new Promise((resolve) => {
    const socket = connect({ path });
    const end = (accepted: boolean) => {
      timer[Symbol.dispose]();
      socket.destroy();
      resolve(accepted);
    };
    const timer = realClock.after(timeoutMs, () => end(false));
    socket.once("connect", () => end(true));
    socket.once("error", () => end(false));
  });
}

const REASON = {
  healthy: undefined,
  half_alive: "running entmootd process found, but the control socket is not reachable",
  down: "control socket is not reachable",
} as const;

/** Why it is not healthy, in words; `undefined` when it is. */
function reasonFor(reasons: Reasons): string | undefined {
  const { agentReachable, answered, daemon, isThere, reachable, status, whyNot } = reasons;
  const because = whyNot === undefined ? "" : `: ${whyNot}`;
  if (agentReachable === false) return `${whyNot === undefined ? AGENT_REASON : AGENT_REFUSED}${because}`;
  // With a folder that was removed under the daemon its socket went too.
  if (status === "half_alive" && !reachable && !isThere) return ROOT_GONE;
  if (status !== "half_alive" || !reachable) return REASON[status] && `${REASON[status]}${because}`;
  if (typeof answered === "string") return answered;
  if (daemon?.stopped) return stoppedReason(daemon.pid);
  return "the socket accepts connections, but the daemon did not answer a question in time";
}

/** How it is said that somebody stopped a process (SIGSTOP, or Ctrl-Z), with the next step. */
export function stoppedReason(pid: number): string {
  return `process ${pid} is stopped; let it go on with: kill -CONT ${pid}`;
}

interface Reasons {
  readonly answered: boolean | string;
  readonly status: RuntimeReport["runtime_status"];
  readonly reachable: boolean;
  readonly agentReachable: boolean | undefined;
  readonly daemon: DaemonProcess | undefined;
  /** The data root is. */
  readonly isThere: boolean;
  readonly whyNot: string | undefined;
}

const ROOT_GONE =
  "the data root is not there any more, and the daemon that runs can keep nothing; restore it if need be, and restart the daemon";
const AGENT_REASON = "no daemon answers on the socket that ENTMOOT_AGENT_SOCKET names";
const AGENT_REFUSED = "the socket that ENTMOOT_AGENT_SOCKET names is not reachable";

/** The platform names scripts of the original expect. */
const GO_ARCH: Readonly<Record<string, string>> = { x64: "amd64", ia32: "386" };
const GO_OS: Readonly<Record<string, string>> = { win32: "windows" };

interface Findings {
  readonly question: RuntimeQuestion;
  readonly daemon: DaemonProcess | undefined;
  readonly hidden: boolean;
  readonly halfAlive: boolean;
  readonly stackHelper: string | undefined;
  /** Daemons that may be the one that is meant. */
  readonly elsewhere: readonly DaemonElsewhere[];
}

function suggest({ question, daemon, hidden, halfAlive, stackHelper, elsewhere }: Findings): string[] {
  const suggestions: string[] = [];
  if (hidden && daemon !== undefined) {
    const flags = ["-socket", question.pilotSocket, "-identity", question.identityPath, "-data", question.dataDir];
    const enter = shellCommand(["nsenter", "--target", String(daemon.pid), "--mount", "--", "entmootd", ...flags]);
    suggestions.push(`run commands in the daemon's mount namespace: ${enter} <command>`);
    if (daemon.container_like) {
      suggestions.push(`or inside its container: docker exec -u node <container> ${AGENT_WRAPPER} <command>`);
    }
  }
  if (halfAlive) {
    suggestions.push(
      "trust the sockets over process lists: a daemon without its control socket cannot publish; restart it",
    );
    if (stackHelper !== undefined) suggestions.push(`check the stack: ${shellCommand([stackHelper, "check"])}`);
  }
  for (const { pid, data_dir } of elsewhere) {
    const variable = `ENTMOOT_DATA=${shellCommand([data_dir])}`;
    suggestions.push(
      `a daemon of another data root runs: pid ${pid}, data ${data_dir}; if it is the one meant: ${variable}`,
    );
  }
  if (question.dataDir.startsWith("/data/") && question.pilotSocket === "/tmp/pilot.sock") {
    suggestions.push(`prefer -socket ${AGENT_PILOT_SOCKET} with a data root under /data`);
  }
  return suggestions;
}

function existing(question: RuntimeQuestion, path: string): string | undefined {
  return existsSync(`${question.systemRoot}${path}`) ? path : undefined;
}

type OmitUndefined<T> = { [K in keyof T as undefined extends T[K] ? never : K]: T[K] } & {
  [K in keyof T as undefined extends T[K] ? K : never]?: Exclude<T[K], undefined>;
};

function omitUndefined<T extends object>(value: T): OmitUndefined<T> {
  return Object.fromEntries(Object.entries(value).filter(([, inner]) => inner !== undefined)) as OmitUndefined<T>;
}
