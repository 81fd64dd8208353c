import { decodeBase64 } from "../../core/bytes/base64.ts";
import { trimSpace } from "../../core/bytes/text.ts";
import { EntmootError } from "../../core/errors.ts";
import { type GroupId, PublicKey } from "../../core/ids.ts";
import { publicKeyOf } from "../../core/signature.ts";
import { requireOwner } from "../../daemon/require-owner.ts";
import { printJson, printJsonText } from "../../host/print.ts";
import { parseGroupId } from "../../http/group-id-text.ts";
import { HttpFailure } from "../../http/http-failure.ts";
import { type Device, DeviceRegistry, deviceJson, registryJson } from "../../store/device-registry.ts";
import { defineCommand, repeated } from "../line/command.ts";
import { namedFailure } from "../line/command-error.ts";
import { deviceKeysFlag, deviceKeysPath } from "../line/esp-flags.ts";
import { type GlobalArgs, globalFlags, parseGlobalOptions } from "../line/global-flags.ts";
import { jsonAlready } from "../line/json-already.ts";

const exits = [0, 1, 5] as const;

const registryFlags = {
  ...globalFlags,
  ...jsonAlready,
  "device-keys": deviceKeysFlag,
} as const;
const id = { type: "string", valueHint: "ID", description: "name of the device (required)" } as const;
const group = { type: "string", repeatable: true, valueHint: "GID" } as const;
const pubkey = {
  type: "string",
  valueHint: "KEY",
  description: "its Ed25519 key, 32 bytes in base64 (required)",
} as const;

const newDevice = {
  ...registryFlags,
  id,
  group: { ...group, description: "a moot it may read and write in (required)" },
  "admin-group": { ...group, description: "a moot it may manage too" },
  client: {
    type: "string",
    repeatable: true,
    valueHint: "NAME",
    defaultHint: "its id",
    description: "a mailbox client it may use",
  },
  disabled: { type: "boolean", description: "let it ask nothing yet" },
} as const;

type Args = Readonly<Record<string, unknown>>;

const notes = ["Prints the registry as one line of JSON. A running service goes by it from its next request on."];

const list = defineCommand({
  meta: { name: "list", description: "Print the registry of devices" },
  help: { examples: ["entmootd esp device list"], exits },
  args: registryFlags,
  async run({ args }) {
    await namedFailure("esp device list", async () => printDevices([...registryOf(args).read().values()]));
  },
});

const add = defineCommand({
  meta: { name: "add", description: "Let a device ask that made its own key" },
  help: { examples: ["entmootd esp device add -id phone -pubkey KEY -group GID"], exits, notes },
  args: { ...newDevice, pubkey },
  async run({ args }) {
    await namedFailure("esp device add", async () => {
      const device = deviceOf(args, keyOf(args));
      printDevices(change(args, (devices) => [...without(devices, device), device]));
    });
  },
});

const onboard = defineCommand({
  meta: { name: "onboard", description: "Make a key for a device, let it ask, and print the key this once" },
  help: {
    examples: ["entmootd esp device onboard -id phone -group GID"],
    exits,
    effect: 'the device is added, and its key is lost; give it another with "entmootd esp device rotate-key"',
    notes: ["The private key is printed and kept nowhere."],
  },
  args: newDevice,
  async run({ args }) {
    await namedFailure("esp device onboard", async () => {
      const seed = crypto.getRandomValues(new Uint8Array(32));
      const publicKey = publicKeyOf(seed);
      const device = deviceOf(args, PublicKey.fromBytes(publicKey));
      const { path } = change(args, (devices) => [...without(devices, device), device]);
      const private_key = Buffer.concat([seed, publicKey]).toString("base64");
      printJson({ device: deviceJson(device), private_key, registry_path: path });
    });
  },
});

const rotateKey = defineCommand({
  meta: { name: "rotate-key", description: "Give a device another key; the one before counts no longer" },
  help: { examples: ["entmootd esp device rotate-key -id phone -pubkey KEY"], exits, notes },
  args: { ...registryFlags, id, pubkey },
  async run({ args }) {
    await namedFailure("esp device rotate-key", async () => {
      const publicKey = keyOf(args);
      printDevices(changeOne(args, (device) => ({ ...device, publicKey })));
    });
  },
});

interface Grant {
  readonly name: string;
  readonly description: string;
  readonly isGrant: boolean;
  /** `-group` means the moots it may manage. */
  readonly isAdmin: boolean;
}

function grantCommand({ description, isAdmin, isGrant, name }: Grant) {
  const kind = isAdmin ? "a moot it may manage (required)" : "a moot it may read and write in";
  return defineCommand({
    meta: { name, description },
    help: { examples: [`entmootd esp device ${name} -id phone -group GID`], exits, notes },
    args: {
      ...registryFlags,
      id,
      group: { ...group, description: kind },
      ...(isAdmin ? {} : { "admin-group": { ...group, description: "a moot it may manage" } }),
    },
    async run({ args }: { readonly args: Args }) {
      await namedFailure(`esp device ${name}`, async () => {
        const groups = mootsOf(args, "group");
        const admin = isAdmin ? groups : mootsOf(args, "admin-group");
        if (groups.length + admin.length === 0) {
          const which = isAdmin ? "-group" : "-group or -admin-group";
          throw new EntmootError("invalid_argument", `at least one ${which} is required`);
        }
        const merge = (had: readonly GroupId[], asked: readonly GroupId[]) =>
          isGrant ? [...new Set([...had, ...asked])] : had.filter((one) => !asked.includes(one));
        printDevices(
          changeOne(args, (device) => ({
            ...device,
            groups: isAdmin ? device.groups : merge(device.groups, groups),
            adminGroups: merge(device.adminGroups, admin),
          })),
        );
      });
    },
  });
}

function switchCommand(name: string, description: string, isDisabled: boolean) {
  return defineCommand({
    meta: { name, description },
    help: { examples: [`entmootd esp device ${name} -id phone`], exits, notes },
    args: { ...registryFlags, id },
    async run({ args }) {
      await namedFailure(`esp device ${name}`, async () => {
        printDevices(changeOne(args, (device) => ({ ...device, isDisabled })));
      });
    },
  });
}

const remove = defineCommand({
  meta: { name: "remove", description: "Forget a device" },
  help: { examples: ["entmootd esp device remove -id phone"], exits, notes },
  args: { ...registryFlags, id },
  async run({ args }) {
    await namedFailure("esp device remove", async () => printDevices(changeOne(args, () => undefined)));
  },
});

/** `esp device`: who may ask by a key of its own. */
export const espDevice = defineCommand({
  meta: { name: "device", description: "Keep the devices that may ask the HTTP service" },
  help: {
    examples: ["entmootd esp device onboard -id phone -group GID", "entmootd esp device disable -id phone"],
    exits,
    ops: {
      missing:
        "esp device: expected list, add, onboard, rotate-key, grant, revoke, grant-admin, revoke-admin, enable, disable or remove",
      unknown: (op) => `esp device: unknown op ${op}`,
    },
  },
  subCommands: {
    list,
    add,
    onboard,
    "rotate-key": rotateKey,
    grant: grantCommand({ name: "grant", description: "Let a device into moots", isGrant: true, isAdmin: false }),
    revoke: grantCommand({ name: "revoke", description: "Keep a device out of moots", isGrant: false, isAdmin: false }),
    "grant-admin": grantCommand({
      name: "grant-admin",
      description: "Let a device manage moots",
      isGrant: true,
      isAdmin: true,
    }),
    "revoke-admin": grantCommand({
      name: "revoke-admin",
      description: "Let a device manage moots no longer",
      isGrant: false,
      isAdmin: true,
    }),
    enable: switchCommand("enable", "Let a device ask again", false),
    disable: switchCommand("disable", "Let a device ask nothing for now", true),
    remove,
  },
});

function registryOf(args: Args): { readonly registry: DeviceRegistry; read(): ReadonlyMap<string, Device> } {
  const options = parseGlobalOptions(args as GlobalArgs, process.env);
  requireOwner(options, "esp device");
  const given = args["device-keys"] === undefined ? undefined : trimSpace(String(args["device-keys"]));
  if (given === "") throw new EntmootError("invalid_argument", "-device-keys is empty; expected FILE");
  const path = deviceKeysPath(given ?? "", options, process.env);
  const registry = new DeviceRegistry(path, (fault) => {
    throw fault;
  });
  return { registry, read: () => registry.devices() };
}

interface Changed {
  readonly path: string;
  readonly devices: readonly Device[];
}

function change(args: Args, how: (devices: readonly Device[]) => readonly Device[]): Changed {
  const { registry } = registryOf(args);
  return { path: registry.path, devices: registry.change(how) };
}

/** `how` gives what it becomes; `undefined`: it goes. */
function changeOne(args: Args, how: (device: Device) => Device | undefined): Changed {
  const name = idOf(args);
  return change(args, (devices) => {
    if (!devices.some((device) => device.id === name)) {
      throw new EntmootError("invalid_argument", `device ${JSON.stringify(name)} not found`);
    }
    return devices.flatMap((device) => (device.id === name ? (how(device) ?? []) : device));
  });
}

function without(devices: readonly Device[], { id: name }: Device): readonly Device[] {
  if (!devices.some((device) => device.id === name)) return devices;
  throw new EntmootError("invalid_argument", `device ${JSON.stringify(name)} already exists`);
}

function printDevices(found: Changed | readonly Device[]): void {
  const devices = "devices" in found ? found.devices : found;
  printJsonText(JSON.stringify(JSON.parse(registryJson(devices))));
}

function idOf(args: Args): string {
  const text = trimSpace(String(args.id ?? ""));
  if (text === "") throw new EntmootError("invalid_argument", "-id is required");
  return text;
}

function keyOf(args: Args): PublicKey {
  const bytes = decodeBase64(trimSpace(String(args.pubkey ?? "")));
  if (bytes?.length !== 32) throw new EntmootError("invalid_argument", "invalid -pubkey");
  return PublicKey.fromBytes(bytes);
}

function mootsOf(args: Args, name: "group" | "admin-group"): GroupId[] {
  const given = args[name];
  return repeated(typeof given === "string" ? given : undefined).map((text) => {
    try {
      return parseGroupId(trimSpace(text));
    } catch (error) {
      if (!(error instanceof HttpFailure)) throw error;
      throw new EntmootError("invalid_argument", `-${name}: ${error.message.replace(/^group_id: /, "")}`);
    }
  });
}

function deviceOf(args: Args, publicKey: PublicKey): Device {
  const name = idOf(args);
  const groups = mootsOf(args, "group");
  if (groups.length === 0) throw new EntmootError("invalid_argument", "at least one -group is required");
  const { client } = args;
  const clients = repeated(typeof client === "string" ? client : undefined).map(trimSpace);
  if (clients.includes("")) throw new EntmootError("invalid_argument", "-client: expected a name");
  return {
    id: name,
    publicKey,
    groups,
    adminGroups: mootsOf(args, "admin-group"),
    clientIds: clients.length === 0 ? [name] : clients,
    nodeId: 0,
    memberKey: undefined,
    isDisabled: args.disabled === true,
  };
}
