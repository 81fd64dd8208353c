/** What is used of the WebSocket server that is part of the runtime, which has no types of it. */
declare module "ws" {
  import type { IncomingMessage } from "node:http";
  import type { Duplex } from "node:stream";

  export interface WebSocket {
    readonly bufferedAmount: number;
    send(text: string): void;
    ping(): void;
    close(code: number, reason: string): void;
    terminate(): void;
    once(event: "close", listener: () => void): void;
    on(event: "message" | "error", listener: () => void): void;
  }

  export class WebSocketServer {
    constructor(options: { readonly noServer: true; readonly maxPayload: number; readonly perMessageDeflate: false });
    handleUpgrade(
      request: IncomingMessage,
      socket: Duplex,
      head: Uint8Array,
      opened: (socket: WebSocket) => void,
    ): void;
  }
}
