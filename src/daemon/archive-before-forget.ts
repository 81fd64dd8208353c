import { fsyncSync } from "node:fs";
import { join } from "node:path";
import { NewFile } from "../files/guarded-files.ts";
import { exportMoot } from "../node/care/export-moot.ts";
import type { ExportBeforeForget } from "../node/forget-moot.ts";
import { groupDirectoryName } from "../store/group-directory.ts";
import { createPrivateDirectory, fileFailure, PRIVATE_FILE, syncDirectory } from "../store/private-files.ts";

/** Keeps a moot as an archive under `exports/` of its data root, 0600, durable and whole once it has its name. */
export function archiveBeforeForget(dataDir: string): ExportBeforeForget {
  return async (node, group, signal) => {
    const folder = join(dataDir, "exports");
    const when = new Date(node.clock.unix()).toISOString().replaceAll(/[-:]|\.\d+/g, "");
    const path = join(folder, `${groupDirectoryName(group.id)}-${when}.entmoot`);
    try {
      createPrivateDirectory(folder);
      using file = new NewFile(`${path}.part`, PRIVATE_FILE);
      await exportMoot(
        node,
        { group_id: group.id },
        {
          caller: "owner",
          signal,
          emit: async ({ chunk }) => file.write(chunk),
          afterAnswer: () => {},
        },
      );
      fsyncSync(file.handle);
      file.replace(path);
      syncDirectory(folder);
    } catch (error) {
      throw fileFailure(error, path);
    }
    return path;
  };
}
