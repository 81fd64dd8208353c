import { createSocket } from "node:dgram";
import { existsSync } from "node:fs";
import { isIPv6 } from "node:net";
import { EntmootError, textOf } from "../../core/errors.ts";
import type { Identity } from "../../core/identity.ts";
import { codeOf } from "../../core/system-error.ts";
import { requireCarrier } from "../../daemon/choose-transport.ts";
import type { GlobalOptions } from "../../daemon/options.ts";
import { BUILD_INFO } from "../../host/build-info.ts";
import { readIdentity } from "../../host/identity-file.ts";
import type { RuntimeReport } from "../../host/runtime-report.ts";
import { checkOf, type Diagnosis, notChecked } from "../../node/doctor/diagnoses.ts";
import type { NodeStatus } from "../../node/operations/daemon.ts";
import type { DoctorCheck } from "../../node/operations/diagnosis.ts";
import { whyHeld } from "../../store/backup/restored-mark.ts";
import { DiskRoom } from "../../store/disk-room.ts";
import { addressNotHereText } from "../../transport/address-not-here.ts";
import { compareVersions, parseVersion } from "../../update/version-order.ts";
import { whatIsOpen } from "./repairs.ts";

/** What is found without any daemon: the identity file, the data root and its disk. */
export function rootChecks(options: GlobalOptions): {
  checks: DoctorCheck[];
  identity: Identity | undefined;
} {
  const { dataDir, identityPath } = options;
  const isThere = existsSync(dataDir);
  const found = identityAt(identityPath, isThere);
  const checks = [found.check];
  if (!isThere) checks.push(checkOf("data", "data_missing"));
  else {
    for (const failure of new DiskRoom(dataDir, () => {}).look({ again: false })) {
      checks.push(checkOf("data", diskFault(failure), { why: failure.message, path: dataDir }));
    }
    const open = whatIsOpen(options);
    if (open !== undefined)
      checks.push(checkOf("data", "data_open", { why: `${open}: others on this machine may read it` }));
    if (checks.every(({ layer }) => layer !== "data")) checks.push(checkOf("data", "ok"));
  }
  return { checks, identity: found.identity };
}

function diskFault({ cause, code }: EntmootError): Diagnosis {
  if (code === "disk_full") return code;
  return codeOf(cause) === "EROFS" ? "data_read_only" : "data_fault";
}

/** Where there is no data root yet, that there is no identity is said by that. */
function identityAt(path: string, isRootThere: boolean): { check: DoctorCheck; identity: Identity | undefined } {
  try {
    const identity = readIdentity(path);
    return { identity, check: missingOr(identity, isRootThere) };
  } catch (error) {
    if (!(error instanceof EntmootError)) throw error;
    return { identity: undefined, check: checkOf("identity", "identity_damaged", { why: error.message, path }) };
  }
}

function missingOr(identity: Identity | undefined, isRootThere: boolean): DoctorCheck {
  if (identity !== undefined) return checkOf("identity", "ok");
  return checkOf("identity", "identity_missing", { state: isRootThere ? "failed" : "noted" });
}

/** Whether a daemon answers, and what it is. `isOld`: it does not know what this program asks. */
export function daemonCheck(
  runtime: RuntimeReport,
  { isOld, status }: { isOld: boolean; status: NodeStatus | undefined },
): DoctorCheck {
  if (status === undefined) return absentDaemon(runtime, whyHeld(runtime.data_dir));
  const [here, there] = [parseVersion(BUILD_INFO.version), parseVersion(status.version)];
  const order = here === undefined || there === undefined ? 0 : compareVersions(there, here);
  if (!isOld && order === 0) return checkOf("daemon", "ok");
  const versions = `the daemon is ${status.version}, this program ${BUILD_INFO.version}`;
  if (order > 0) return checkOf("daemon", "daemon_newer", { why: versions, state: "noted" });
  return checkOf("daemon", "daemon_old", { why: `${versions}; end it and start it again` });
}

function absentDaemon(
  { control_socket_reachable, running_daemon: seen, runtime_status_reason: why }: RuntimeReport,
  held: string | undefined,
): DoctorCheck {
  if (seen?.stopped) return checkOf("daemon", "daemon_stopped", { why, pid: String(seen.pid) });
  if (control_socket_reachable || seen !== undefined) return checkOf("daemon", "daemon_silent", { why });
  if (held !== undefined) return checkOf("daemon", "daemon_held", { why: held });
  return checkOf("daemon", "daemon_down", { why });
}

/** The daemon works for another key than the one that this command line names. */
export function otherIdentity(identity: Identity | undefined, status: NodeStatus): DoctorCheck | undefined {
  if (identity === undefined || identity.publicKey.toHex() === status.entmoot_pubkey.toHex()) return undefined;
  const why = `the daemon's key is ${status.entmoot_pubkey.toBase64()} (${status.identity_path}), the one named here ${identity.publicKey.toBase64()}`;
  return checkOf("identity", "identity_other", { why });
}

/** Whether a carrier could be opened now, where no daemon has one: nothing is sent. */
export async function carrierCheck(options: GlobalOptions): Promise<DoctorCheck> {
  try {
    requireCarrier(options);
  } catch (error) {
    if (!(error instanceof EntmootError)) throw error;
    return checkOf("carrier", "carrier_unsupported", { why: error.message });
  }
  const addresses = options.irohBind.length === 0 ? [undefined] : options.irohBind;
  for (const address of addresses) {
    const failure = await bindFailure(address, options.irohPort ?? 0);
    if (failure !== undefined) return checkOf("carrier", failure.diagnosis, { why: failure.why });
  }
  return notChecked("carrier", { why: "no daemon runs; a carrier could be opened" });
}

interface BindFailure {
  readonly diagnosis: Diagnosis;
  readonly why: string;
}

/** Why no UDP socket can be had there; it is let go of at once. */
function bindFailure(address: string | undefined, port: number): Promise<BindFailure | undefined> {
  const socket = createSocket(address !== undefined && isIPv6(address) ? "udp6" : "udp4");
  const where = `UDP ${address ?? "any address"}, port ${port === 0 ? "any" : port}`;
  return new Promise((resolve) => {
    socket.once("error", (error) => {
      socket.close();
      const code = codeOf(error);
      if (code === "EADDRNOTAVAIL" && address !== undefined) {
        resolve({ diagnosis: "address_unusable", why: addressNotHereText([address]) });
        return;
      }
      resolve({ diagnosis: "port_blocked", why: `${where}: cannot be had: ${code ?? textOf(error)}` });
    });
    socket.bind({ port, exclusive: true, ...(address === undefined ? {} : { address }) }, () =>
      socket.close(() => resolve(undefined)),
    );
  });
}
