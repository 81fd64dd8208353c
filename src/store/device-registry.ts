import { fsyncSync, statSync } from "node:fs";
import { basename, dirname } from "node:path";
import { decodeBase64 } from "../core/bytes/base64.ts";
import { trimSpace } from "../core/bytes/text.ts";
import { encodeUtf8 } from "../core/bytes/utf8.ts";
import { EntmootError, textOf } from "../core/errors.ts";
import { GroupId, PublicKey } from "../core/ids.ts";
import { NewFile, removeFile, syncPath } from "../files/guarded-files.ts";
import { readTextAtMost } from "../files/read-at-most.ts";
import { FileLock } from "./lock.ts";
import { createPrivateDirectory, fileFailure, PRIVATE_FILE } from "./private-files.ts";

/** A device that may ask over HTTP, as the registry has it. */
export interface Device {
  readonly id: string;
  readonly publicKey: PublicKey;
  /** Moots it may read and write in, and those it may manage. */
  readonly groups: readonly GroupId[];
  readonly adminGroups: readonly GroupId[];
  /** Clients of the mailbox whose names it may use. */
  readonly clientIds: readonly string[];
  /** The member it acts for; 0 and `undefined` for nobody. */
  readonly nodeId: number;
  readonly memberKey: PublicKey | undefined;
  readonly isDisabled: boolean;
}

/** Ours. Some 20,000 devices; what is larger is no registry. */
const REGISTRY_BYTES_MAX = 16 * 1024 * 1024;
export const DEVICES_MAX = 16_384;
/** Ours. It stands in a header of every request. */
export const DEVICE_ID_BYTES_MAX = 256;
/** Ours. How long a change waits for another. */
const LOCK_MS = 5_000;

/** `esp-devices.json`, which people and other processes change too: looked at for each question, read when it is another. */
export class DeviceRegistry {
  readonly path: string;
  readonly #onFault: (fault: EntmootError) => void;
  #stamp: string | undefined;
  #devices: ReadonlyMap<string, Device> = new Map();

  /** `onFault` hears once of each state of the file that cannot be read; what was read before stays in force then. */
  constructor(path: string, onFault: (fault: EntmootError) => void = () => {}) {
    this.path = path;
    this.#onFault = onFault;
  }

  /** Those there are now; none where there is no file. */
  devices(): ReadonlyMap<string, Device> {
    const stamp = stampOf(this.path);
    if (stamp === this.#stamp) return this.#devices;
    try {
      this.#devices = stamp === undefined ? new Map() : readDevices(this.path);
    } catch (error) {
      if (!(error instanceof EntmootError)) throw error;
      this.#onFault(error);
    }
    this.#stamp = stamp;
    return this.#devices;
  }

  /** For who starts: throws `data_root_invalid` where it is missing or cannot be read. */
  require(): void {
    const stamp = stampOf(this.path);
    if (stamp === undefined) throw new EntmootError("data_root_invalid", `${this.path}: there is no such file`);
    this.#devices = readDevices(this.path);
    this.#stamp = stamp;
  }

  /**
   * Changes it, one at a time of all processes here: `change` is given what is there now and gives what is to be there. Durable
   * on return. Throws what `change` does, `data_root_invalid`, `disk_full`, `unavailable` while another holds it.
   */
  change(change: (devices: readonly Device[]) => readonly Device[]): readonly Device[] {
    createPrivateDirectory(dirname(this.path));
    using lock = FileLock.tryAcquire(lockPath(this.path), LOCK_MS);
    if (lock === undefined) {
      throw new EntmootError("unavailable", `${this.path}: another process changes it for too long; try again`);
    }
    const before = stampOf(this.path) === undefined ? [] : [...readDevices(this.path).values()];
    const devices = change(before);
    checkDevices(this.path, devices);
    writeWhole(this.path, registryJson(devices));
    return devices;
  }
}

function lockPath(path: string): string {
  return `${path.replace(/\.json$/, "")}.lock`;
}

/** Another text when the file is another, or says something else. */
function stampOf(path: string): string | undefined {
  const found = statSync(path, { bigint: true, throwIfNoEntry: false });
  return found && `${found.dev} ${found.ino} ${found.size} ${found.mtimeNs} ${found.ctimeNs}`;
}

function readDevices(path: string): ReadonlyMap<string, Device> {
  let text: string | undefined;
  try {
    text = readTextAtMost(path, REGISTRY_BYTES_MAX);
  } catch (error) {
    throw fileFailure(error, path);
  }
  if (text === undefined) throw invalid(path, `expected a file of at most ${REGISTRY_BYTES_MAX} bytes`);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw invalid(path, `expected a JSON object with devices: ${textOf(error)}`);
  }
  const listed = (value as { devices?: unknown } | null)?.devices ?? [];
  if (!Array.isArray(listed)) throw invalid(path, "devices: expected a list");
  const devices = listed.map((entry: unknown, at) => deviceOf(path, entry, at));
  checkDevices(path, devices);
  return new Map(devices.map((device) => [device.id, device]));
}

function checkDevices(path: string, devices: readonly Device[]): void {
  if (devices.length > DEVICES_MAX) throw invalid(path, `expected at most ${DEVICES_MAX} devices`);
  const ids = new Set<string>();
  for (const { id } of devices) {
    if (ids.has(id)) throw invalid(path, `devices: ${JSON.stringify(id)} is there twice`);
    ids.add(id);
  }
}

function deviceOf(path: string, entry: unknown, at: number): Device {
  const where = `devices[${at}]`;
  if (typeof entry !== "object" || entry === null) throw invalid(path, `${where}: expected an object`);
  const fields = entry as Record<string, unknown>;
  const text = (key: string): string => {
    const value = fields[key] ?? "";
    if (typeof value !== "string") throw invalid(path, `${where}.${key}: expected a text`);
    return trimSpace(value);
  };
  const texts = (key: string): string[] => {
    const value = fields[key] ?? [];
    if (!Array.isArray(value) || value.some((one) => typeof one !== "string")) {
      throw invalid(path, `${where}.${key}: expected a list of texts`);
    }
    return value.map((one: string) => trimSpace(one));
  };
  const key = (name: string, value: string): PublicKey => {
    const bytes = decodeBase64(value);
    if (bytes?.length !== 32) throw invalid(path, `${where}.${name}: expected 32 bytes in base64`);
    return PublicKey.fromBytes(bytes);
  };
  const moots = (name: string) =>
    texts(name).map((one) => {
      const bytes = decodeBase64(padded(one));
      if (bytes?.length !== 32) throw invalid(path, `${where}.${name}: expected group ids of 32 bytes in base64`);
      return GroupId.fromBytes(bytes);
    });
  const id = text("id");
  if (id === "" || Buffer.byteLength(id) > DEVICE_ID_BYTES_MAX) {
    throw invalid(path, `${where}.id: expected 1 to ${DEVICE_ID_BYTES_MAX} bytes`);
  }
  const clientIds = texts("client_ids");
  if (clientIds.includes("")) throw invalid(path, `${where}.client_ids: expected names`);
  const nodeId = fields.pilot_node_id ?? 0;
  if (!Number.isInteger(nodeId) || (nodeId as number) < 0 || (nodeId as number) > 0xffff_ffff) {
    throw invalid(path, `${where}.pilot_node_id: expected a node id`);
  }
  const memberText = text("entmoot_pubkey");
  if (nodeId !== 0 && memberText === "") throw invalid(path, `${where}.entmoot_pubkey: expected with pilot_node_id`);
  const { disabled = false } = fields;
  if (typeof disabled !== "boolean") throw invalid(path, `${where}.disabled: expected true or false`);
  return {
    id,
    publicKey: key("public_key", text("public_key")),
    groups: moots("groups"),
    adminGroups: moots("admin_groups"),
    clientIds,
    nodeId: nodeId as number,
    memberKey: memberText === "" ? undefined : key("entmoot_pubkey", memberText),
    isDisabled: disabled,
  };
}

function padded(base64: string): string {
  return base64.endsWith("=") ? base64 : base64.padEnd(Math.ceil(base64.length / 4) * 4, "=");
}

function invalid(path: string, what: string): EntmootError {
  return new EntmootError("data_root_invalid", `${path}: ${what}; correct it, or restore it from a backup`);
}

/** Wire with the original: the text of the file. */
export function registryJson(devices: readonly Device[]): string {
  return `${JSON.stringify({ devices: devices.map(deviceJson) }, undefined, 2)}\n`;
}

/** Wire with the original: keys in its order. */
export function deviceJson(device: Device) {
  const { adminGroups, clientIds, groups, id, isDisabled, memberKey, nodeId, publicKey } = device;
  return {
    id,
    public_key: PublicKey.toBase64(publicKey),
    groups: groups.map(GroupId.toBase64),
    admin_groups: adminGroups.map(GroupId.toBase64),
    client_ids: clientIds,
    ...(nodeId === 0 ? {} : { pilot_node_id: nodeId }),
    ...(memberKey === undefined ? {} : { entmoot_pubkey: PublicKey.toBase64(memberKey) }),
    disabled: isDisabled,
  };
}

function writeWhole(path: string, text: string): void {
  const fresh = `${dirname(path)}/.${basename(path)}.tmp`;
  try {
    removeFile(fresh);
    using file = new NewFile(fresh, PRIVATE_FILE);
    file.write(encodeUtf8(text));
    fsyncSync(file.handle);
    file.replace(path);
    syncPath(dirname(path));
  } catch (error) {
    throw fileFailure(error, path);
  }
}
