import { createHash } from "node:crypto";
import { join } from "node:path";
import type { OpencodeAddress } from "./opencode-server.ts";

type HostEnvironment = Readonly<Record<string, string | undefined>>;

/** The opencode that started this process, for the folder that it works in. */
export interface OwnOpencode {
  readonly address: OpencodeAddress;
  /** Which of the opencodes of this machine, and which folder of it. */
  readonly name: string;
  readonly pid: number;
}

/**
 * Where it is reached: by the socket of our plugin, whose place both ends know from the process and the folder, or by
 * `ENTMOOT_OPENCODE_URL`, a server on this machine. `undefined` where nothing says which process it is, or what is said is no
 * such URL.
 */
export function ownOpencode(env: HostEnvironment, cwd: string, parentPid: number): OwnOpencode | undefined {
  const pid = Number(env.OPENCODE_PID ?? parentPid);
  if (!Number.isSafeInteger(pid) || pid <= 1) return undefined;
  const name = `${pid}-${createHash("sha256").update(cwd).digest("hex").slice(0, 8)}`;
  const { ENTMOOT_OPENCODE_URL: url } = env;
  const address = url === undefined ? { socket: join(socketFolder(env), `${name}.sock`) } : urlAddress(url, env);
  return address === undefined ? undefined : { address, name, pid };
}

/** The same that the plugin makes. */
function socketFolder({ TMPDIR, XDG_RUNTIME_DIR }: HostEnvironment): string {
  return join(XDG_RUNTIME_DIR || TMPDIR || "/tmp", `entmoot-opencode-${process.getuid?.()}`);
}

/** A server of this machine that its user gave a port; `undefined` for what is no such URL. */
export function urlAddress(told: string, env: HostEnvironment) {
  const url = URL.parse(told);
  if (url === null || url.protocol !== "http:" || !["127.0.0.1", "localhost", "[::1]"].includes(url.hostname)) {
    return undefined;
  }
  const { OPENCODE_SERVER_PASSWORD: password, OPENCODE_SERVER_USERNAME: user = "opencode" } = env;
  const authorization = password === undefined ? undefined : `Basic ${btoa(`${user}:${password}`)}`;
  return { url: url.origin, authorization };
}
