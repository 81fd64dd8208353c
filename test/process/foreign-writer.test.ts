import { Database } from "bun:sqlite";
import { afterAll, beforeAll, expect, test } from "bun:test";
import { join } from "node:path";
import { encodeUtf8 } from "../../src/core/bytes/utf8.ts";
import { GroupId, PublicKey } from "../../src/core/ids.ts";
import { consumer_lease } from "../../src/node/operations/consumers.ts";
import { status } from "../../src/node/operations/daemon.ts";
import { link_create } from "../../src/node/operations/invites.ts";
import { publish } from "../../src/node/operations/messages.ts";
import { roster_change } from "../../src/node/operations/moots.ts";
import { groupDirectoryName } from "../../src/store/group-directory.ts";
import { DaemonNode } from "../support/daemon.ts";
import { identity } from "../support/identity.ts";
import { inNetns } from "../support/netns.ts";
import { TemporaryDirectory } from "../support/temporary-directory.ts";

inNetns(import.meta, () => {
  const home = new TemporaryDirectory();
  const node = new DaemonNode(home.path, "a");
  const groups: GroupId[] = [];

  beforeAll(async () => {
    await node.serve();
    for (const name of ["held", "free"]) {
      const { group_id } = await node.ask(["group", "create", "-name", name, "-policy", "none"]);
      groups.push(GroupId.fromBytes(Uint8Array.fromBase64(group_id)));
    }
  });
  afterAll(async () => {
    await node[Symbol.asyncDispose]();
    home[Symbol.dispose]();
  });

  /** Holds a database for writing, as a backup program or a shell of SQLite does. */
  function hold(...path: string[]): Disposable {
    const db = new Database(join(node.data, ...path));
    db.run("BEGIN IMMEDIATE");
    return { [Symbol.dispose]: () => db.close() };
  }

  const message = (group_id: GroupId, content: string) => ({
    group_id,
    topics: ["chat"],
    content: encodeUtf8(content),
  });

  test("a moot that another program holds waits alone; other moots and questions do not, and what waited is stored", async () => {
    const [held, free] = groups as [GroupId, GroupId];
    await using client = await node.client();
    const ended: string[] = [];
    const note = async <T>(name: string, work: Promise<T>): Promise<T> => {
      const value = await work;
      ended.push(name);
      return value;
    };
    const key = PublicKey.fromBytes(identity(7).publicKey);
    let waiting: Promise<unknown>[];
    {
      using _lock = hold("groups", groupDirectoryName(held), "moot.sqlite");
      waiting = [
        note("held", client.call(publish, message(held, "waits"))),
        note("held", client.call(publish, { ...message(held, "waits too"), token: new Uint8Array(16) })),
        note("held", client.call(roster_change, { group_id: held, op: "add", entmoot_pubkey: key })),
        note("held", client.call(consumer_lease, { group_id: held, consumer: "c", owner: "o", ttl_ms: 60_000 })),
      ];
      await note("free", client.call(publish, message(free, "goes on")));
      const { groups: shown } = await note("info", client.call(status, {}));
      expect(shown.map(({ messages }) => messages).toSorted()).toEqual([0, 1]);
      expect(ended).toEqual(["free", "info"]);
    }
    await Promise.all(waiting);
    const { groups: after } = await client.call(status, {});
    expect(after.find(({ group_id }) => group_id === held)).toMatchObject({ messages: 2, members: 2 });
  });

  test("while the node's own database is held messages go on, and a link is made once it is free", async () => {
    const [, free] = groups as [GroupId, GroupId];
    await using client = await node.client();
    let link: Promise<{ readonly link: string }>;
    {
      using _lock = hold("node.sqlite");
      link = client.call(link_create, { group_id: free });
      await client.call(publish, message(free, "goes on"));
      await client.call(status, {});
    }
    expect((await link).link).toStartWith("entmoot://join/");
  });

  test("what is held longer than anybody waits is refused with the reason, and everything else is as before", async () => {
    const [held, free] = groups as [GroupId, GroupId];
    await using client = await node.client();
    using _lock = hold("groups", groupDirectoryName(held), "moot.sqlite");
    const refused = client.call(publish, message(held, "too late"));
    await expect(refused).rejects.toMatchObject({
      code: "unavailable",
      message: expect.stringContaining("another process"),
    });
    await client.call(publish, message(free, "goes on"));
  });
});
