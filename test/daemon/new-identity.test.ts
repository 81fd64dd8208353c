import { expect, test } from "bun:test";
import { join } from "node:path";
import { publicKeyOf } from "../../src/core/signature.ts";
import { newIdentity } from "../../src/daemon/new-identity.ts";
import { createIdentity } from "../../src/host/identity-file.ts";
import { TemporaryDirectory } from "../support/temporary-directory.ts";

test("a key pair is drawn where no identity is, each time another, and none where one is", async () => {
  using home = new TemporaryDirectory();
  const path = join(home.path, "identity.json");
  const [first, second] = [await newIdentity(path), await newIdentity(path)];
  expect(first!.publicKey).toEqual(publicKeyOf(first!.seed));
  expect(first!.seed).not.toEqual(second!.seed);
  createIdentity(path, first);
  expect(await newIdentity(path)).toBeUndefined();
});
