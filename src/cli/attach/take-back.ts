import { join } from "node:path";
import type { Attachment } from "../../agent/setup/attachments.ts";
import { asChanged } from "../../agent/setup/entry-file.ts";
import type { HostSetup } from "../../agent/setup/host-setup.ts";
import { removeEntry, type SetUpParts } from "../../agent/setup/set-up.ts";
import { serverEntry } from "../line/host-argument.ts";
import { doorEnv } from "./chosen-door.ts";

/** What setting a host up changed is taken back, in the host and its files. `parts` are those of the folder that it was attached in. */
export function takeBack(setup: HostSetup, { data_dir, door, files }: Attachment, parts: SetUpParts) {
  const entry = serverEntry(join(data_dir, "agent.sock"));
  const its = { ...entry, env: { ...entry.env, ...doorEnv(setup, door) } };
  return removeEntry(setup, its, files.map(asChanged), parts);
}
