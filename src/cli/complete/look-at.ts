import { glance } from "../../control/glance.ts";
import type { GlobalOptions } from "../../daemon/options.ts";

/** One row of an answer, as JSON has it. */
type Row = Readonly<Record<string, unknown>>;

/** What is asked in passing: of a daemon, or of the files. */
export interface PassingLook extends AsyncDisposable {
  moots(): Promise<readonly { readonly group_id: string; readonly name: string }[]>;
  /** The rows that the answer of an operation has under `name`, which is its own. */
  rows(name: "members" | "messages" | "topics", request: Row & { readonly group_id: string }): Promise<readonly Row[]>;
}

/** The daemon of the data root, or its files where none listens; `undefined` where there is neither. */
export async function lookAt(options: GlobalOptions): Promise<PassingLook | undefined> {
  const { agentSocket, dataDir } = options;
  if (agentSocket !== undefined) return daemonLook(agentSocket);
  const look = daemonLook(`${dataDir}/control.sock`);
  if (await listens(look)) return look;
  // Loaded only where it has to be: reading files costs as much as the whole answer of a daemon.
  const { fileLook, isOurs } = await import("./file-look.ts");
  return isOurs(dataDir) ? fileLook(options) : undefined;
}

/** Whether somebody is there. One that hangs is waited for and not read past: whoever asks has little time. */
async function listens(look: PassingLook): Promise<boolean> {
  try {
    await look.moots();
    return true;
  } catch (error) {
    return !["ENOENT", "ECONNREFUSED", "ENOTDIR"].includes(String(Object(error).code));
  }
}

function daemonLook(socket: string): PassingLook {
  let status: Promise<unknown> | undefined;
  return {
    async moots() {
      status ??= glance(socket, "status", {});
      const { groups, unopened } = Object(await status);
      return [groups ?? [], unopened ?? []].flat().map((row) => {
        const { group_id, name } = Object(row);
        return { group_id: String(group_id), name: typeof name === "string" ? name : "" };
      });
    },
    async rows(name, request) {
      const rows: unknown = Object(await glance(socket, name, request))[name];
      return Array.isArray(rows) ? rows.map((row) => Object(row)) : [];
    },
    [Symbol.asyncDispose]: async () => {},
  };
}
