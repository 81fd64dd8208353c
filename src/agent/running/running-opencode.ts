import * as v from "valibot";
import { EntmootError, textOf } from "../../core/errors.ts";
import { type OpencodeAddress, OpencodeNo, OpencodeServer } from "../opencode/opencode-server.ts";
import { opencodeServerEntry } from "../setup/host-setups.ts";
import type { RunningHost, RunningParts } from "./running.ts";

const states = v.record(v.string(), v.object({ status: v.string(), error: v.optional(v.string()) }));

/** Whether a server of opencode answers. Throws `unavailable` with the next step. */
export async function requireOpencode(
  address: OpencodeAddress & { readonly url: string },
  { clock, places, signal }: Pick<RunningParts, "clock" | "places" | "signal">,
): Promise<void> {
  try {
    await new OpencodeServer(address, clock, places.project).get("/session/status", v.unknown(), signal);
  } catch (cause) {
    const next =
      cause instanceof OpencodeNo && cause.status === 401
        ? "set OPENCODE_SERVER_PASSWORD to the password that it was started with"
        : 'start one with "opencode --port PORT", or leave -url out';
    throw new EntmootError("unavailable", `opencode at ${address.url} does not answer: ${textOf(cause)}; ${next}`, {
      cause,
    });
  }
}

/** The server that its user named, which is told to start our tools. One without a port reads them at its start alone. */
export async function runningOpencode({
  clock,
  entry,
  opencode,
  places,
  signal,
}: RunningParts): Promise<RunningHost | undefined> {
  if (opencode === undefined || !("url" in opencode)) return undefined;
  const shown = opencode.url;
  const server = new OpencodeServer(opencode, clock, places.project);
  try {
    const added = { name: entry.name, config: opencodeServerEntry(entry) };
    const { [entry.name]: ours } = await server.post("/mcp", added, states, signal);
    if (ours?.status === "connected") return { kind: "bridged", shown };
    return { kind: "deaf", shown, why: `it does not start our tools: ${ours?.error ?? ours?.status ?? "no word"}` };
  } catch (error) {
    return { kind: "deaf", shown, why: textOf(error) };
  }
}
