import { accessSync, constants } from "node:fs";
import { GroupId } from "../../core/ids.ts";
import { encodeWire } from "../../core/json/json-codec.ts";
import { writtenId } from "../../core/written-id.ts";
import { mootsInFiles } from "../../daemon/moots-here.ts";
import type { GlobalOptions } from "../../daemon/options.ts";
import { openForReading } from "../../daemon/read-root.ts";
import { messages } from "../../node/operations/messages.ts";
import { members, topics } from "../../node/operations/moots.ts";
import type { PassingLook } from "./look-at.ts";

const READ = { members, messages, topics };

/** A look at the files of the data root, in the shapes that its daemon would answer in. */
export function fileLook(options: GlobalOptions): PassingLook {
  const node = openForReading(options, {});
  return {
    async moots() {
      return mootsInFiles(options.dataDir, {}).map(({ group_id, name = "" }) => ({
        group_id: GroupId.toBase64(group_id),
        name,
      }));
    },
    async rows(name, request) {
      const group_id = GroupId.fromBytes(writtenId("group id", request.group_id));
      const operation: Parameters<typeof node.call>[0] = READ[name] as never;
      const answer = await node.call(operation, { ...request, group_id } as never);
      return JSON.parse(new TextDecoder().decode(encodeWire(operation.answer, answer)))[name];
    },
    [Symbol.asyncDispose]: () => node[Symbol.asyncDispose](),
  };
}

/** The original's files take long to read, and those in a folder that is closed to us would be copied first. */
export function isOurs(dataDir: string): boolean {
  try {
    accessSync(`${dataDir}/node.sqlite`, constants.R_OK | constants.W_OK);
    return true;
  } catch {
    return false;
  }
}
