import { expect, test } from "bun:test";
import { DaemonNode, eventually } from "../support/daemon.ts";
import { inNetns } from "../support/netns.ts";
import { TemporaryDirectory } from "../support/temporary-directory.ts";

inNetns(import.meta, () => {
  test("a link that is edited, used up, revoked or expired is refused with status 5 and the reason", async () => {
    using home = new TemporaryDirectory();
    await using a = new DaemonNode(home.path, "a");
    await using b = new DaemonNode(home.path, "b");
    await using c = new DaemonNode(home.path, "c");
    await Promise.all([a.serve(), c.serve()]);
    const { group_id } = await a.ask(["group", "create", "-name", "council"]);
    const make = (...flags: string[]) => a.ask(["invite", "link", "-group", group_id, ...flags]);
    const refused = async (link: string, reason: RegExp) => {
      const { status, stdout, stderr } = await c.run(["join", link]);
      expect({ status, stdout }).toEqual({ status: 5, stdout: "" });
      expect(stderr).toMatch(reason);
      expect(stderr.trimEnd().split("\n").at(-1)).toMatch(/^entmootd: join: /);
    };

    const once = await make("-uses", "1");
    await refused(edited(once.link), /signature|link/);
    await refused(once.link.slice(0, -8), /link/);
    expect(await b.ask(["join", once.link])).toMatchObject({ status: "joined" });
    expect(await b.ask(["join", once.link])).toMatchObject({ status: "already_joined" });
    await refused(once.link, /used/);

    const revoked = await make();
    await a.ask(["invite", "revoke", "-id", revoked.id, "-group", group_id]);
    await refused(revoked.link, /revoked/);

    const short = await make("-valid-for", "1s");
    await eventually("the end of a link good for a second", async () => {
      const { links } = await a.ask(["invite", "list", "-group", group_id]);
      return links.find(({ id, status }: { id: string; status: string }) => id === short.id && status === "expired");
    });
    await refused(short.link, /expired/);
    expect(await c.ask(["info"])).toMatchObject({ groups: [] });
    expect(await c.ask(["join", (await make()).link])).toMatchObject({ status: "joined" });
  });

  test("a join whose issuer is offline says so, keeps trying, and succeeds when the issuer is back", async () => {
    using home = new TemporaryDirectory();
    await using a = new DaemonNode(home.path, "a");
    await using b = new DaemonNode(home.path, "b");
    await a.serve();
    const { group_id } = await a.ask(["group", "create", "-name", "council"]);
    const { link } = await a.ask(["invite", "link", "-group", group_id]);
    await a.kill();
    const join = b.spawn(["join", link]);
    await join.said("join: waiting");
    await a.serve();
    expect(await join.json()).toMatchObject({ event: "joined", status: "joined", group_id });
    expect((await join.ended()).status).toBe(0);
  });

  test("a join that nobody answers ends at its timeout with status 1", async () => {
    using home = new TemporaryDirectory();
    await using a = new DaemonNode(home.path, "a");
    await using b = new DaemonNode(home.path, "b");
    await a.serve();
    const { group_id } = await a.ask(["group", "create", "-name", "council"]);
    const { link } = await a.ask(["invite", "link", "-group", group_id]);
    await a.end();
    const { status, stdout, stderr } = await b.run(["join", link, "-timeout", "2s"]);
    expect({ status, stdout }).toEqual({ status: 1, stdout: "" });
    expect(stderr).toContain("entmootd: join: ");
  });

  test("an invite works only for a member, and a broken one is refused before anything is dialled", async () => {
    using home = new TemporaryDirectory();
    await using a = new DaemonNode(home.path, "a");
    await using b = new DaemonNode(home.path, "b");
    await a.serve();
    const { group_id } = await a.ask(["group", "create", "-name", "council"]);
    const { stdout: invite } = await a.run(["invite", "create", "-group", group_id]);
    const stranger = await b.run(["join", "-", "-timeout", "3s"], { stdin: invite });
    expect(stranger).toMatchObject({ status: 2, stdout: "" });
    const broken = await b.run(["join", "-"], { stdin: invite.replace(/"issued_at": \d/, '"issued_at": 9') });
    expect(broken).toMatchObject({ status: 5, stdout: "" });
    expect(broken.stderr).toContain("signature");
    const { entmoot_pubkey } = await b.ask(["info"]);
    await a.ask(["roster", "add", "-group", group_id, "-pubkey", entmoot_pubkey]);
    expect(await b.ask(["join", "-"], { stdin: invite })).toMatchObject({ status: "joined", members: 2 });
  });
});

/** The link with one character in the middle changed. */
function edited(link: string): string {
  const at = link.length >> 1;
  return `${link.slice(0, at)}${link[at] === "A" ? "B" : "A"}${link.slice(at + 1)}`;
}
