import { defineCommand } from "../line/command.ts";

/** `esp`: the HTTP service. */
export const esp = defineCommand({
  meta: { name: "esp", description: "Answer phones and programs over HTTP, and keep the devices that may ask" },
  help: {
    examples: ["entmootd esp serve -token TOKEN", "entmootd esp device list"],
    exits: [0, 1, 5],
    ops: {
      missing: "esp: expected serve, device, directory, routes or sign-request",
      unknown: (op) => `esp: unknown subcommand ${op}; expected serve, device, directory, routes or sign-request`,
    },
  },
  subCommands: {
    serve: async () => (await import("./esp-serve.ts")).espServe,
    device: async () => (await import("./esp-device.ts")).espDevice,
    directory: async () => (await import("./esp-directory.ts")).espDirectory,
    routes: async () => (await import("./esp-routes.ts")).espRoutes,
    "sign-request": async () => (await import("./esp-sign-request.ts")).espSignRequest,
  },
});
