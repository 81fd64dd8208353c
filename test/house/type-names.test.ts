import { expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import type { SourceFile } from "../support/rooms.ts";

const SRC = resolve(import.meta.dir, "../../src");

/** Names that several files may define, each with the reason. */
const SHARED: Readonly<Record<string, string>> = {};

test("a type name means one thing: no two files define a type, interface or class of the same name", () => {
  const files = readdirSync(SRC, { recursive: true, encoding: "utf8" })
    .filter((path) => path.endsWith(".ts"))
    .map((path) => ({ path, text: readFileSync(join(SRC, path), "utf8") }));
  const shared = sharedNames(files);
  expect(shared.filter(({ name }) => !Object.hasOwn(SHARED, name))).toEqual([]);
  // A reason goes when its name is no longer shared.
  const names = shared.map(({ name }) => name);
  expect(Object.keys(SHARED).filter((name) => !names.includes(name))).toEqual([]);
});

test("the check sees every way to define a type", () => {
  const first = {
    path: "a.ts",
    text: "export interface A {}\nexport type B = 1;\nexport class C {}\nexport enum D {}\n",
  };
  const second = {
    path: "b.ts",
    text: "type A<T> = T;\nexport declare class B {}\nexport abstract class C {}\nexport const enum D {}\n",
  };
  const paths = ["a.ts", "b.ts"];
  expect(sharedNames([first, second])).toEqual(["A", "B", "C", "D"].map((name) => ({ name, paths })));
});

test("a value beside its type and one passed on are no second meaning", () => {
  const files = [
    { path: "a.ts", text: "export const Id = 1;\nexport type Id = string;\n" },
    {
      path: "b.ts",
      text: 'export type { Id } from "./a.ts";\n/** export type Id is said in a.ts */\n',
    },
  ];
  expect(sharedNames(files)).toEqual([]);
});

interface SharedName {
  readonly name: string;
  readonly paths: readonly string[];
}

/** The names that more than one file defines, whether or not it exports them. */
function sharedNames(files: readonly SourceFile[]): SharedName[] {
  const defined = files.flatMap(({ path, text }) => [...namesOf(text)].map((name) => ({ name, path })));
  const byName = Map.groupBy(defined, ({ name }) => name);
  return [...byName]
    .filter(([, definitions]) => definitions.length > 1)
    .map(([name, definitions]) => ({ name, paths: definitions.map(({ path }) => path) }));
}

function namesOf(text: string): Set<string> {
  const definitions = text.matchAll(
    /^(?:export )?(?:declare )?(?:abstract )?(?:type|interface|class|(?:const )?enum) (\w+)/gm,
  );
  return new Set([...definitions].map(([, name]) => name!));
}
