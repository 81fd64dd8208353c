import { schemaOf } from "../core/json/json-codec.ts";
import type { JsonSchema } from "../core/json/json-schema.ts";
import { errorEnvelope } from "./http-failure.ts";
import { EVENT_STREAM, HTML, type HttpRoute } from "./route.ts";

/** The routes as an OpenAPI 3.1 document, from their own schemas. */
export function openApiOf(routes: readonly HttpRoute[], version: string): JsonSchema {
  const paths: Record<string, Record<string, unknown>> = {};
  for (const route of routes) {
    paths[route.path] ??= {};
    paths[route.path]![route.method.toLowerCase()] = operationOf(route);
  }
  return {
    openapi: "3.1.0",
    info: { title: "Entmoot HTTP service", version, summary: "Moots for phones and programs" },
    paths,
    components: {
      schemas: { Error: schemaOf(errorEnvelope) },
      securitySchemes: {
        bearer: { type: "http", scheme: "bearer" },
        device: { type: "apiKey", in: "header", name: "X-Entmoot-Device-ID", description: SIGNED },
        member: { type: "apiKey", in: "header", name: "X-Entmoot-Member-Node-ID", description: SIGNED },
      },
    },
  };
}

const SIGNED =
  "with X-Entmoot-Timestamp-Ms, X-Entmoot-Nonce and an Ed25519 signature over method, target, both and the body's hash";

function operationOf(route: HttpRoute) {
  const { access, body, method, name, summary } = route;
  const signedIn = [{ bearer: [] }, { device: [] }];
  return {
    operationId: name,
    summary,
    security: access === "public" ? [] : access === "signed in" ? signedIn : [...signedIn, { member: [] }],
    parameters: parametersOf(route),
    ...(body === undefined || method === "GET"
      ? {}
      : {
          requestBody: {
            required: !body.mayBeEmpty,
            content: { "application/json": { schema: schemaOf(body.codec) } },
          },
        }),
    responses: responsesOf(route),
  };
}

function parametersOf({ client, group, idempotency, path, query }: HttpRoute) {
  const names = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name!);
  const inPath = names.map((name) => ({ name, in: "path", required: true, schema: { type: "string" } }));
  const named = [
    ...(group === "query" ? [{ name: "group_id", in: "query", required: true, schema: { type: "string" } }] : []),
    ...(client === undefined || client === "body"
      ? []
      : [{ name: "client_id", in: "query", required: client === "query", schema: { type: "string" } }]),
  ];
  const inQuery = Object.entries(query).map(([name, { description, isRequired = false, schema }]) => {
    return { name, in: "query", required: isRequired, description, schema };
  });
  const key = { name: "Idempotency-Key", in: "header", required: false, schema: { type: "string", maxLength: 256 } };
  return [...inPath, ...named, ...inQuery, ...(idempotency === undefined ? [] : [key])];
}

/** What each refusal says, by the needs of a route. */
export function refusalsOf({
  access,
  body,
  client,
  group,
  needs,
  query,
  refusals,
}: HttpRoute): Map<number, Set<string>> {
  const found = new Map<number, Set<string>>();
  const add = (status: number, ...codes: string[]) => {
    found.set(status, new Set([...(found.get(status) ?? []), ...codes]));
  };
  const takesInput =
    group !== undefined ||
    client !== undefined ||
    body !== undefined ||
    Object.values(query).some(({ takesAnything }) => !takesAnything);
  if (takesInput) add(400, "bad_request");
  if (access !== "public") {
    add(401, "unauthorized");
    add(403, "device_disabled");
  }
  if (client !== undefined || needs.includes("manage")) add(403, "forbidden");
  if (needs.includes("device")) add(403, "device_signature_required");
  if (needs.includes("operator")) add(403, "operator_required");
  if (group !== undefined) add(404, "group_not_found");
  if (body !== undefined || access !== "public") add(413, "request_too_large");
  add(429, "rate_limited");
  for (const [status, codes] of Object.entries(refusals)) add(Number(status), ...codes);
  return found;
}

function responsesOf(route: HttpRoute) {
  const refused = [...refusalsOf(route)].map(([status, codes]) => {
    const content = { "application/json": { schema: { $ref: "#/components/schemas/Error" } } };
    return [status, { description: [...codes].sort().join(", "), content }];
  });
  const answered = Object.entries(route.answers).map(([status, codec]) => {
    const content =
      codec === HTML
        ? { "text/html": { schema: { type: "string" } } }
        : codec && { [route.isLive ? EVENT_STREAM : "application/json"]: { schema: schemaOf(codec) } };
    return [status, { description: "done", ...(content === undefined ? {} : { content }) }];
  });
  return Object.fromEntries([...answered, ...refused]);
}
