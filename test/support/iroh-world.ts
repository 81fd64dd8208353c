import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { realClock } from "../../src/host/real-clock.ts";
import { IrohTransport } from "../../src/transport/iroh/iroh-transport.ts";
import type { TransportLimits } from "../../src/transport/transport-limits.ts";

/** Nodes on loopback for one test; use it inside `inNetns`. Disposing closes them. */
export interface IrohWorld extends AsyncDisposable {
  start(node: number, limits?: Partial<TransportLimits>): Promise<IrohTransport>;
}

export async function irohWorld(): Promise<IrohWorld> {
  const libraryDir = mkdtempSync(join(tmpdir(), "entmoot-lib-"));
  const ports = new Map<number, number>();
  const started: IrohTransport[] = [];
  return {
    async start(node, limits) {
      const transport = await IrohTransport.start({
        clock: realClock,
        seed: new Uint8Array(32).fill(node),
        bind: ["127.0.0.1", "::1"],
        port: ports.get(node) ?? 0,
        relay: "off",
        libraryDir,
        ...(limits === undefined ? {} : { limits }),
      });
      ports.set(node, transport.boundPort());
      started.push(transport);
      return transport;
    },
    async [Symbol.asyncDispose]() {
      await Promise.all(started.map((transport) => transport.close()));
      rmSync(libraryDir, { recursive: true });
    },
  };
}
