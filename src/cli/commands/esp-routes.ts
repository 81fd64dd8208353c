import { BUILD_INFO } from "../../host/build-info.ts";
import { printJsonText, printLine } from "../../host/print.ts";
import { openApiOf } from "../../http/open-api.ts";
import { ROUTES } from "../../http/route-table.ts";
import { defineCommand } from "../line/command.ts";
import { globalFlags } from "../line/global-flags.ts";

/** `esp routes`: what can be asked over HTTP. */
export const espRoutes = defineCommand({
  meta: { name: "routes", description: "List the routes of the HTTP service" },
  help: {
    examples: ["entmootd esp routes", "entmootd esp routes -json > openapi.json"],
    exits: [0, 1, 5],
    notes: ["-json prints the OpenAPI 3.1 document that the service answers at /v1/openapi.json."],
  },
  args: { ...globalFlags, json: { type: "boolean", description: "the OpenAPI document, as one line of JSON" } },
  run({ args }) {
    if (args.json) {
      printJsonText(JSON.stringify(openApiOf(ROUTES, BUILD_INFO.version)));
      return;
    }
    for (const { access, method, path, summary } of ROUTES) {
      printLine(`${method.padEnd(6)} ${path.padEnd(44)} ${access.padEnd(19)} ${summary}`);
    }
  },
});
