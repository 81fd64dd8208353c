import { expect, setDefaultTimeout } from "bun:test";
import { hostProgram, missingHost } from "../../scripts/hosts/install.ts";
import { TOOLS } from "../../src/mcp/tools/all-tools.ts";
import { BINARY } from "../support/binary.ts";
import { DaemonNode } from "../support/daemon.ts";
import { testWhere } from "../support/needs.ts";
import { inNetns } from "../support/netns.ts";
import { TemporaryDirectory } from "../support/temporary-directory.ts";

setDefaultTimeout(120_000);

/** What the MCP inspector's command line prints for one method, asked of the compiled server. */
async function inspect(node: DaemonNode, era: "legacy" | "modern", ...args: string[]) {
  const variables = Object.entries(node.environment).filter(([name]) => name.startsWith("ENTMOOT_"));
  const given = variables.flatMap(([name, value]) => ["-e", `${name}=${value}`]);
  const how = ["--protocol-era", era, "--format", "json", "--quiet", ...given];
  const command = [process.execPath, hostProgram("inspector")!, ...how, ...args, "--", BINARY, "mcp"];
  const run = Bun.spawn(command, { env: { ...node.environment }, stdin: "ignore", stdout: "pipe", stderr: "pipe" });
  const [status, stdout, stderr] = await Promise.all([run.exited, run.stdout.text(), run.stderr.text()]);
  // 5: a tool's own answer says that something was wrong.
  if (status !== 0 && status !== 5) throw new Error(`status ${status}\n${stdout}${stderr}`);
  return JSON.parse(stdout).result;
}

inNetns(import.meta, () => {
  testWhere(
    missingHost("inspector"),
    "the MCP inspector's command line asks for all there is, in both revisions",
    async () => {
      using home = new TemporaryDirectory();
      await using oak = new DaemonNode(home.path, "oak");
      await oak.serve();
      const { group_id } = await oak.ask(["group", "create", "-name", "council"]);
      const uri = `entmoot://moot/${Uint8Array.fromBase64(group_id).toBase64({ alphabet: "base64url", omitPadding: true })}`;
      const askAll = async (era: "legacy" | "modern") => {
        const call = (name: string, ...words: string[]) => {
          const given = words.flatMap((word) => ["--tool-arg", word]);
          return inspect(oak, era, "--method", "tools/call", "--tool-name", name, ...given);
        };
        // Its own rules for schemas that every host takes are kept too.
        const { tools } = await inspect(oak, era, "--method", "tools/list", "--strict");
        expect(tools.map(({ name }: { name: string }) => name)).toEqual(TOOLS.map(({ name }) => name));
        const sent = await call("entmoot_send", "content=hello there", 'topics=["chat"]');
        expect(sent).toMatchObject({ structuredContent: { group: group_id, duplicate: false } });
        expect(JSON.stringify(await call("entmoot_ack", "id=short"))).toContain("at least its first 8 characters");
        const { resources } = await inspect(oak, era, "--method", "resources/list");
        expect(resources).toMatchObject([{ uri, name: "council" }]);
        const { resourceTemplates } = await inspect(oak, era, "--method", "resources/templates/list");
        expect(resourceTemplates).toHaveLength(2);
        const read = await inspect(oak, era, "--method", "resources/read", "--uri", uri);
        expect(JSON.stringify(read)).toContain("| hello there");
      };
      await Promise.all([askAll("legacy"), askAll("modern")]);
      expect((await oak.group()).messages).toBe(2);
    },
  );
});
