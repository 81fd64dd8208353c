import { expect, test } from "bun:test";
import { openApiOf, refusalsOf } from "../../src/http/open-api.ts";
import { ROUTES } from "../../src/http/route-table.ts";
import { HttpWorld } from "../support/http-world.ts";
import { TemporaryDirectory } from "../support/temporary-directory.ts";

test("the document is served to anybody, and holds every route once, itself too", async () => {
  using home = new TemporaryDirectory();
  using world = new HttpWorld(home);
  const { json, status } = await world.ask("/v1/openapi.json");
  expect(status).toBe(200);
  expect(json).toEqual(JSON.parse(JSON.stringify(openApiOf(ROUTES, json.info.version))));
  const told = Object.entries(json.paths as Record<string, object>).flatMap(([path, methods]) =>
    Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
  );
  expect(told.toSorted()).toEqual(ROUTES.map(({ method, path }) => `${method} ${path}`).toSorted());
  expect(new Set(ROUTES.map(({ name }) => name)).size).toBe(ROUTES.length);
});

test("every route that is not public is refused to nobody, and says so", async () => {
  using home = new TemporaryDirectory();
  using world = new HttpWorld(home);
  for (const route of ROUTES.filter(({ access }) => access !== "public")) {
    const { status } = await world.ask(route.path.replace(/\{\w+\}/g, "x"), { method: route.method });
    expect([route.name, status, refusalsOf(route).has(401)]).toEqual([route.name, 401, true]);
  }
});
