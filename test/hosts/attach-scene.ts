import { dirname } from "node:path";
import { DaemonNode } from "../support/daemon.ts";
import { TemporaryDirectory } from "../support/temporary-directory.ts";
import type { HostHome } from "./host-home.ts";
import { StubModel } from "./stub/stub-model.ts";

/** A daemon, and the home of a host, in whose project, `here`, a person types `entmootd`. */
export async function attachScene(homeOf: (model: StubModel) => HostHome) {
  await using opening = new AsyncDisposableStack();
  const { path } = opening.use(new TemporaryDirectory());
  const main = opening.use(new DaemonNode(path, "main"));
  await main.serve();
  const model = opening.use(new StubModel());
  const home = opening.use(homeOf(model));
  const env = { ...home.env, PATH: `${dirname(home.program)}:${process.env.PATH}`, ENTMOOT_DATA: main.data };
  const opened = opening.move();
  return { here: { cwd: home.project, env }, home, main, model, [Symbol.asyncDispose]: () => opened.disposeAsync() };
}
