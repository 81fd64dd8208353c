/** What set-up calls the plugin's file. */
export const PLUGIN_FILE = "entmoot.js";

/**
 * The plugin by which opencode lets its own children reach the sessions of its terminal: started without a port, it has no
 * server that listens. On a socket of its user's alone it passes a few questions on to the server within, and nothing else. It fails
 * in silence: opencode must start without it all the same.
 */
export const PLUGIN_TEXT = `// Written by "entmootd attach opencode", which "entmootd detach opencode" takes back: lets messages of a moot begin turns here.
const PASSED = [
  /^GET \\/(session|session\\/status|experimental\\/session|entmoot\\/sessions)$/,
  /^GET \\/session\\/[A-Za-z0-9_-]+(\\/message)?$/,
  /^POST \\/(session|session\\/[A-Za-z0-9_-]+\\/prompt_async|tui\\/select-session)$/,
];

export const Entmoot = async ({ client, directory }) => {
  try {
    const fs = process.getBuiltinModule("node:fs");
    const { join } = process.getBuiltinModule("node:path");
    const { createHash } = process.getBuiltinModule("node:crypto");
    const uid = process.getuid();
    const folder = join(process.env.XDG_RUNTIME_DIR || process.env.TMPDIR || "/tmp", "entmoot-opencode-" + uid);
    fs.mkdirSync(folder, { recursive: true, mode: 0o700 });
    const found = fs.lstatSync(folder);
    if (!found.isDirectory() || found.uid !== uid || (found.mode & 0o077) !== 0) return {};
    const name = process.pid + "-" + createHash("sha256").update(directory).digest("hex").slice(0, 8);
    const path = join(folder, name + ".sock");
    // One process makes several of these, also for one folder.
    const relays = (globalThis.entmootRelays ??= new Map());
    const before = relays.get(name);
    const relay = { config: client._client.getConfig(), worked: before?.worked ?? new Set() };
    relays.set(name, relay);
    const event = async ({ event: { type, properties } }) => {
      const id = properties?.sessionID ?? properties?.info?.sessionID ?? (type.startsWith("session.") && properties?.info?.id);
      if (typeof id !== "string") return;
      relay.worked.delete(id);
      relay.worked.add(id);
      if (relay.worked.size > 64) relay.worked.delete(relay.worked.values().next().value);
    };
    if (before) return { event };
    for (const each of fs.readdirSync(folder)) {
      const pid = Number(/^(\\d+)-/.exec(each)?.[1]);
      if (pid === process.pid ? each === name + ".sock" : !isAlive(pid)) fs.rmSync(join(folder, each), { force: true });
    }
    const pass = async (request) => {
      const { pathname, search } = new URL(request.url);
      if (!PASSED.some((each) => each.test(request.method + " " + pathname))) return new Response("", { status: 403 });
      const { config: { fetch, headers }, worked } = relays.get(name);
      // The sessions that something happened in here, the last one first.
      if (pathname === "/entmoot/sessions") return Response.json([...worked].reverse());
      const passed = new Headers(headers);
      passed.set("content-type", "application/json");
      const body = request.method === "GET" ? undefined : await request.text();
      return await fetch(new Request("http://opencode.internal" + pathname + search, { method: request.method, headers: passed, body }));
    };
    const error = () => new Response("", { status: 502 });
    Bun.serve({ unix: path, maxRequestBodySize: 1048576, idleTimeout: 60, fetch: pass, error }).unref();
    fs.chmodSync(path, 0o600);
    return { event };
  } catch {
    return {};
  }
};

function isAlive(pid) {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return error.code === "EPERM";
  }
}
`;
