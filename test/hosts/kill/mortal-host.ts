import { eventually } from "../../support/eventually.ts";
import type { HostHome } from "../host-home.ts";
import { killHost, killOurServers, ourServers } from "../host-moot.ts";
import { WOKEN_HOSTS, type WokenHost, type WokenHostName } from "../woken-hosts.ts";

/** A host that is started, ended by its user, killed, and started again. */
export class MortalHost implements AsyncDisposable {
  readonly #name: WokenHostName;
  readonly #home: HostHome;
  #running: WokenHost | undefined;

  constructor(name: WokenHostName, home: HostHome) {
    this.#name = name;
    this.#home = home;
  }

  /** Resolves once it waits for its user. */
  async start(): Promise<void> {
    this.#running = await WOKEN_HOSTS[this.#name].start(this.#home);
  }

  /** Ends it as its user does. */
  async quit(): Promise<void> {
    await this.#running?.quit();
    await this[Symbol.asyncDispose]();
  }

  async kill(): Promise<void> {
    killHost(this.#home);
    await this.#home.quiet();
    await this[Symbol.asyncDispose]();
  }

  /** Its host may start others in their place. */
  async killBridges(): Promise<void> {
    const before = ourServers(this.#home);
    killOurServers(this.#home);
    await eventually("the end of the bridges", () => {
      const now = ourServers(this.#home);
      return before.every((pid) => !now.includes(pid)) || undefined;
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#running?.[Symbol.asyncDispose]();
    this.#running = undefined;
  }
}
