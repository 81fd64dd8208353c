import { expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { basename, join, resolve } from "node:path";
import { faultsOf, type SourceFile } from "./support/rooms.ts";

const SRC = resolve(import.meta.dir, "../src");

function sourceFiles(): SourceFile[] {
  return readdirSync(SRC, { recursive: true, encoding: "utf8" })
    .filter((path) => path.endsWith(".ts"))
    .map((path) => ({ path, text: readFileSync(join(SRC, path), "utf8") }));
}

test("every file in src keeps the order of the rooms, and takes time from a clock", () => {
  const files = sourceFiles();
  expect(files.length).toBeGreaterThan(10);
  expect(files.flatMap(faultsOf)).toEqual([]);
});

test("no file is named for what it is not: no index.ts, no utils.ts", () => {
  const names = sourceFiles().map(({ path }) => basename(path));
  expect(names.filter((name) => /^(index|utils?|helpers?|misc|common)\.ts$/.test(name))).toEqual([]);
});

/** One file that breaks one rule, and what is said of it. The check is worth what these prove. */
const BROKEN: readonly (readonly [path: string, text: string, fault: RegExp])[] = [
  ["core/a.ts", 'import { b } from "../wire/b.ts";', /core may not import wire/],
  ["core/a.ts", 'import type { B } from "../node/b.ts";', /core may not import node/],
  ["wire/a.ts", 'export * from "../machine/b.ts";', /wire may not import machine/],
  ["wire/a.ts", 'export type { B } from "../machine/b.ts";', /wire may not import machine/],
  ["machine/a.ts", 'const b = await import("../store/b.ts");', /machine may not import store/],
  ["machine/a.ts", "type B = import('../store/b.ts').B;", /machine may not import store/],
  ["store/a.ts", 'import "../transport/b.ts";', /store may not import transport/],
  ["transport/a.ts", 'import { b } from "../store/b.ts";', /transport may not import store/],
  ["host/a.ts", 'import { b } from "../store/b.ts";', /host may not import store/],
  ["transport/a.ts", 'import { b } from "../host/b.ts";', /transport may not import host/],
  ["node/a.ts", 'import { b } from "../view/b.ts";', /node may not import view/],
  ["node/a.ts", 'import { b } from "../control/b.ts";', /node may not import control/],
  ["view/a.ts", 'import { b } from "../control/b.ts";', /view may not import control/],
  ["daemon/a.ts", 'import { b } from "../cli/b.ts";', /daemon may not import cli/],
  ["control/a.ts", 'import { b } from "../http/b.ts";', /control may not import http/],
  ["http/a.ts", 'import { b } from "../agent/b.ts";', /http may not import agent/],
  ["agent/a.ts", 'import { b } from "../apps/b.ts";', /agent may not import apps/],
  ["irc/a.ts", 'import { b } from "../mcp/b.ts";', /irc may not import mcp/],
  ["apps/a.ts", 'import { b } from "../cli/b.ts";', /apps may not import cli/],
  ["update/a.ts", 'import { b } from "../conformance/b.ts";', /update may not import conformance/],
  ["update/a.ts", 'import { b } from "../agent/b.ts";', /update may not import agent/],
  ["control/a.ts", 'import { b } from "../update/b.ts";', /control may not import update/],
  ["conformance/a.ts", 'import { b } from "../cli/b.ts";', /conformance may not import cli/],
  ["cli/a.ts", 'import { b } from "../main.ts";', /cli may not import main\.ts/],
  ["cli/a.ts", 'import { b } from "../lib.ts";', /nothing inside imports lib\.ts/],
  ["main.ts", 'import { b } from "./lib.ts";', /nothing inside imports lib\.ts/],
  ["core/a.ts", 'import { b } from "../../test/support/b.ts";', /outside src/],
  ["cellar/a.ts", "export const a = 1;", /cellar is not a room/],
  ["core/a.ts", 'import { readFileSync } from "node:fs";', /core may not import node:fs/],
  ["core/a.ts", 'import { readFile } from "node:fs/promises";', /core may not import node:fs/],
  ["core/a.ts", 'import { readFileSync } from "fs";', /core may not import fs/],
  ["wire/a.ts", 'import { connect } from "node:net";', /wire may not import node:net/],
  ["machine/a.ts", 'import { Database } from "bun:sqlite";', /machine may not import bun:sqlite/],
  ["machine/a.ts", 'import { setTimeout } from "node:timers/promises";', /machine may not import node:timers/],
  ["machine/a.ts", "const now = Date.now();", /machine may not use Date\.now/],
  ["machine/a.ts", "const now = new Date();", /machine may not use new Date\(\)/],
  ["machine/a.ts", "const now = performance.now();", /machine may not use performance\.now/],
  ["core/a.ts", "const dice = Math.random();", /core may not use Math\.random/],
  ["core/a.ts", "crypto.getRandomValues(new Uint8Array(32));", /core may not use getRandomValues/],
  ["core/a.ts", 'import { randomBytes } from "node:crypto";', /core may not use randomBytes/],
  ["core/a.ts", "const id = crypto.randomUUID();", /core may not use randomUUID/],
  ["wire/a.ts", "setTimeout(() => {}, 1);", /wire may not use setTimeout/],
  ["wire/a.ts", "queueMicrotask(() => {});", /wire may not use queueMicrotask/],
  ["core/a.ts", "export async function a() {}", /core may not use async/],
  ["wire/a.ts", "const b = await c;", /wire may not use await/],
  ["machine/a.ts", 'console.log("here");', /machine may not use console/],
  ["wire/a.ts", "const home = process.env.HOME;", /wire may not use process\./],
  ["node/a.ts", 'import { sha256 } from "@noble/hashes/sha2.js";', /only core imports @noble/],
  ["wire/a.ts", 'import { verify } from "node:crypto";', /wire may not import node:crypto/],
  ["machine/a.ts", 'import * as v from "valibot";', /machine may not import valibot/],
  ["http/a.ts", 'import { createConsola } from "consola";', /http may not import consola/],
  ["store/a.ts", 'import { createConsola } from "consola/core";', /store may not import consola/],
  ["agent/a.ts", 'import { defineCommand } from "citty";', /agent may not import citty/],
  ["node/a.ts", 'import { start } from "@number0/iroh";', /only transport imports @number0\/iroh/],
  ["node/a.ts", 'import { b } from "./b";', /end in \.ts/],
  ["node/a.ts", "const now = Date.now();", /real-clock\.ts may use Date\.now; take a Clock/],
  ["view/a.ts", "const now = new Date();", /may use new Date\(\)/],
  ["cli/a.ts", "const now = new Date;", /may use new Date\(\)/],
  ["transport/a.ts", "const now = performance.now();", /may use performance\.now/],
  ["store/a.ts", "const now = Bun.nanoseconds();", /may use Bun\.nanoseconds/],
  ["control/a.ts", "const timer = setTimeout(end, 1);", /may use setTimeout/],
  ["host/a.ts", "const timer = globalThis.setInterval(look, 1);", /may use setInterval/],
  ["node/a.ts", "setImmediate(() => {});", /may use setImmediate/],
  ["update/a.ts", "await Bun.sleep(1);", /may use Bun\.sleep/],
  ["daemon/a.ts", "const signal = AbortSignal.timeout(1);", /may use AbortSignal\.timeout/],
  ["daemon/a.ts", 'import { setTimeout as delay } from "node:timers/promises";', /daemon may not import node:timers/],
  ["update/a.ts", 'import { scheduler } from "timers/promises";', /update may not import timers/],
  ["node/a.ts", "Bun.sleepSync(1);", /may use a blocking wait/],
  ["host/a.ts", "Atomics.wait(cell, 0, 0, 2);", /may use a blocking wait/],
  ["host/print.ts", "await Bun.sleep(1);", /may use Bun\.sleep/],
  ["node/a.ts", 'import { realClock } from "../host/real-clock.ts";', /node may not import the real clock/],
  ["update/a.ts", 'import { realClock } from "../host/real-clock.ts";', /update may not import the real clock/],
  ["main.ts", "const startedMs = Date.now();", /may use Date\.now/],
  ["node/carrier/a.ts", 'if (dialect === "pilot") throw error;', /node may not name a dialect/],
  ["machine/a.ts", 'const more = stream.dialect !== "entmoot/1";', /machine may not name a dialect/],
];

for (const [path, text, fault] of BROKEN) {
  test(`a breach is found: ${path}: ${text}`, () => {
    expect(faultsOf({ path, text }).join("\n")).toMatch(fault);
  });
}

/** What is allowed, beside each breach: a check that refuses all would pass the tests above. */
const SOUND: readonly (readonly [path: string, text: string])[] = [
  ["wire/a.ts", 'import { b } from "../core/b.ts";'],
  ["wire/a.ts", 'import * as v from "valibot";'],
  ["core/a.ts", 'import { verify } from "node:crypto";'],
  ["core/a.ts", 'import { sha256 } from "@noble/hashes/sha2.js";'],
  ["node/a.ts", 'import { b } from "../transport/b.ts";\nimport { c } from "../store/c.ts";'],
  ["cli/a.ts", 'import { b } from "../agent/b.ts";'],
  ["main.ts", 'import { a } from "./cli/a.ts";'],
  ["lib.ts", 'export { a } from "./node/a.ts";'],
  ["machine/a.ts", "// Date.now() and async belong to node/\nexport const a = 1;"],
  ["machine/a.ts", 'export const a = "await setTimeout(Math.random)";'],
  ["machine/a.ts", "/* console.log */ export const at = new Date(nowMs);"],
  ["wire/a.ts", "export const b = /console\\.log/;"],
  ["wire/a.ts", 'export const has = dialect === "entmoot/1";'],
  ["node/a.ts", "export const has = hasExtensions(dialect);"],
  ["core/a.ts", 'import { timingSafeEqual } from "node:crypto";'],
  ["host/real-clock.ts", "export const at = [Date.now(), performance.now(), setTimeout(work, 1), setImmediate(work)];"],
  ["cli/a.ts", 'import { realClock } from "../host/real-clock.ts";'],
  ["host/print.ts", "Atomics.wait(cell, 0, 0, 2);"],
  ["store/sqlite/sqlite-connection.ts", "Bun.sleepSync(1);"],
  ["node/a.ts", "// unlike AbortSignal.timeout\nclock.after(1, work); export const at = new Date(clock.unix());"],
];

for (const [path, text] of SOUND) {
  test(`what is allowed passes: ${path}: ${text.replaceAll("\n", " ")}`, () => {
    expect(faultsOf({ path, text })).toEqual([]);
  });
}
