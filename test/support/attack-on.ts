import { PublicKey } from "../../src/core/ids.ts";
import { realClock } from "../../src/host/real-clock.ts";
import { IrohTransport } from "../../src/transport/iroh/iroh-transport.ts";
import { type Attack, MEMBER_ATTACKS, STRANGER_ATTACKS } from "./attackers.ts";
import { identity, type TestIdentity } from "./identity.ts";

/** Who founded the moot that is attacked, and who attacks it from within: one member an attack. */
export const VICTIM = identity(1);
export const HOSTILE_MEMBERS = new Map(Object.keys(MEMBER_ATTACKS).map((name, n) => [name, identity(10 + n)]));

/** Every attack there is, by name. */
export const ATTACKS: Readonly<Record<string, Attack>> = { ...MEMBER_ATTACKS, ...STRANGER_ATTACKS };

/** Where a running daemon is attacked. */
export interface Target {
  readonly hints: readonly string[];
  /** Where the carrier may unpack its library. */
  readonly libraryDir: string;
}

/** Starts attacks, each from a carrier of its own. Disposing ends them. */
export async function attackOn({ hints, libraryDir }: Target, names: readonly string[]): Promise<AsyncDisposable> {
  const ending = new AbortController();
  const transports: IrohTransport[] = [];
  const running: Promise<void>[] = [];
  for (const [n, name] of names.entries()) {
    const attacker: TestIdentity = HOSTILE_MEMBERS.get(name) ?? identity(200 + n);
    const transport = await IrohTransport.start({
      clock: realClock,
      seed: attacker.seed,
      bind: ["127.0.0.1"],
      port: 0,
      relay: "off",
      libraryDir,
    });
    transports.push(transport);
    transport.accept((stream) => stream.reset());
    const victim = PublicKey.fromBytes(VICTIM.publicKey);
    running.push(ATTACKS[name]!({ transport, identity: attacker, victim, hints, signal: ending.signal }));
  }
  return {
    async [Symbol.asyncDispose]() {
      ending.abort();
      await Promise.allSettled(running);
      await Promise.all(transports.map((transport) => transport.close()));
    },
  };
}
