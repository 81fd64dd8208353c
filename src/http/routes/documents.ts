import { rawJson } from "../../core/json/json-scalars.ts";
import { BUILD_INFO } from "../../host/build-info.ts";
import { openApiOf } from "../open-api.ts";
import { type HttpRoute, ok, route } from "../route.ts";

/** The document of all routes, this one too. */
export function openApi(routes: () => readonly HttpRoute[]): HttpRoute {
  let document: string | undefined;
  return route({
    method: "GET",
    path: "/v1/openapi.json",
    name: "openApi",
    summary: "The routes as an OpenAPI 3.1 document",
    access: "public",
    answers: { 200: rawJson },
    handle() {
      document ??= JSON.stringify(openApiOf(routes(), BUILD_INFO.version));
      return ok(document);
    },
  });
}
