import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/**
 * A plugin for opencode in a folder of its own: it keeps what it hears in `plugin.jsonl` of the host's home, and starts
 * the run that a test puts into `request.json` there. Disposing it removes it.
 */
export class PluginFolder implements Disposable {
  readonly #folder = mkdtempSync(join(tmpdir(), "eh-plugin-"));
  readonly path = join(this.#folder, "probe.js");

  write(home: string): void {
    writeFileSync(
      this.path,
      `import { appendFileSync, existsSync, readFileSync, unlinkSync } from "node:fs";
const note = (value) => appendFileSync(${JSON.stringify(join(home, "plugin.jsonl"))}, JSON.stringify(value) + "\\n");
const request = ${JSON.stringify(join(home, "request.json"))};
// One process makes several of these, one for each of its instances.
export const Probe = async ({ client, serverUrl, directory }) => {
  note({ serverUrl: String(serverUrl), directory });
  setInterval(async () => {
    if (!existsSync(request)) return;
    const { session, text } = JSON.parse(readFileSync(request, "utf8"));
    unlinkSync(request);
    const body = { parts: [{ type: "text", text }] };
    const { response } = await client.session.promptAsync({ path: { id: session }, body });
    note({ status: response.status });
  }, 50);
  return { event: async ({ event }) => note({ event: event.type }) };
};
`,
    );
  }

  [Symbol.dispose](): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
