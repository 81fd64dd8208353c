import { connect, createServer, type Server, type Socket } from "node:net";

/**
 * Where a message stands when somebody is killed. `queued`: no bridge has been told of it. `claimed`: the bridge was given it and
 * does not know yet. `handed`: the ledger says that it goes to the host, and it does not. `given`: the model is asked about it, and
 * the ledger does not know. `delivered`: the ledger knows, and the bridge does not. `read`: all of them know.
 */
export const STEPS = ["queued", "claimed", "handed", "given", "delivered", "read"] as const;
export type Step = (typeof STEPS)[number];

/** What goes between a bridge and its daemon just before a step is reached, from which of the two, and whether it still goes. */
const SIGNS: Readonly<Record<Exclude<Step, "queued" | "read">, Sign>> = {
  claimed: { by: "daemon", text: '"deliver":[{', goes: false },
  handed: { by: "bridge", text: '"to":"handed"', goes: true },
  given: { by: "bridge", text: '"to":"delivered"', goes: false },
  delivered: { by: "bridge", text: '"to":"delivered"', goes: true },
};

interface Sign {
  readonly by: "bridge" | "daemon";
  readonly text: string;
  readonly goes: boolean;
}

/** Stands between a bridge and its daemon: lets everything through but at the step that it is told to stop at. */
export class StepDoor implements Disposable {
  readonly #server: Server;
  readonly #ends = new Set<Socket>();
  #isShut = false;
  #stop: { readonly sign: Sign; readonly reached: PromiseWithResolvers<void>; isReached: boolean } | undefined;

  constructor(path: string, daemonSocket: string) {
    this.#server = createServer((bridge) => this.#join(bridge, daemonSocket)).listen(path);
  }

  /** Lets no bridge through until `open`. */
  shut(): void {
    this.#isShut = true;
    for (const end of this.#ends) end.destroy();
  }

  /** Resolves once the step is reached: from then on nothing goes through, whoever connects, until `open`. */
  stopAt(step: keyof typeof SIGNS): Promise<void> {
    this.#stop = { sign: SIGNS[step], reached: Promise.withResolvers(), isReached: false };
    return this.#stop.reached.promise;
  }

  /** What was held up is dropped with its connections, as if they had ended there. */
  open(): void {
    if (this.#stop?.isReached === true) for (const end of this.#ends) end.destroy();
    this.#stop = undefined;
    this.#isShut = false;
  }

  [Symbol.dispose](): void {
    this.shut();
    this.#server.close();
  }

  #join(bridge: Socket, daemonSocket: string): void {
    if (this.#isShut || this.#stop?.isReached === true) return void bridge.destroy();
    const daemon = connect(daemonSocket);
    const close = () => {
      for (const end of [bridge, daemon]) {
        end.destroy();
        this.#ends.delete(end);
      }
    };
    for (const end of [bridge, daemon]) {
      this.#ends.add(end);
      end.on("error", close).on("close", close);
    }
    bridge.on("data", (bytes) => this.#pass("bridge", bytes, daemon));
    daemon.on("data", (bytes) => this.#pass("daemon", bytes, bridge));
  }

  #pass(by: "bridge" | "daemon", bytes: string | Buffer, to: Socket): void {
    const stop = this.#stop;
    if (stop?.isReached === true) return;
    if (stop === undefined || stop.sign.by !== by || !bytes.includes(stop.sign.text)) return void to.write(bytes);
    stop.isReached = true;
    if (stop.sign.goes) to.write(bytes);
    stop.reached.resolve();
  }
}
