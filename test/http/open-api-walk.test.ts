import { expect, test } from "bun:test";
import { GroupId } from "../../src/core/ids.ts";
import { type AskOptions, device, HttpWorld, OURS, UNKNOWN_MOOT } from "../support/http-world.ts";
import { TemporaryDirectory } from "../support/temporary-directory.ts";

type Answer = { readonly status: number };
type Ask = (world: HttpWorld) => Promise<Answer> | Answer;

/** How an operation is asked so that it is done, and what only it can be answered with otherwise. */
interface Way {
  /** With `{group}` for a moot; the bearer asks. */
  readonly path?: string;
  readonly done?: Ask;
  readonly body?: (group: string) => string;
  readonly more?: Readonly<Record<number, Ask>>;
  /** The file whose tests produce its statuses instead. */
  readonly elsewhere?: string;
}

const idText = (id: GroupId) => GroupId.toBase64(id);
const inPath = (id: GroupId) => encodeURIComponent(idText(id));
const clientOf = "client_id=phone";
const messageOf = async (world: HttpWorld): Promise<string> => {
  world.say(OURS, "hello");
  const { json } = await world.bearer(`/v1/groups/${inPath(OURS)}/history?${clientOf}`);
  return json.messages[0].message_id;
};
const listening = async (world: HttpWorld, path: string): Promise<Answer> => {
  const events = await world.listen(path);
  await events.leave();
  return { status: events.told.length > 0 ? 200 : 0 };
};
const lostPlace = async (world: HttpWorld, path: string): Promise<Answer> => {
  const events = await world.listen(path);
  const { id } = events.told[0]!;
  await events.leave();
  world.drawLog(OURS);
  return world.bearer(path, { headers: { "last-event-id": id } });
};
const eventsWay = (path: string, more: Way["more"] = {}): Way => ({
  path,
  done: (world) => listening(world, path.replace("{group}", inPath(OURS))),
  more: { ...more, 410: (world) => lostPlace(world, path.replace("{group}", inPath(OURS))) },
});

/** By operation id. One that is missing here fails the walk. */
const WAYS: Readonly<Record<string, Way>> = {
  health: {},
  capabilities: {},
  session: {},
  status: {},
  openApi: {},
  listGroups: {},
  getGroup: {},
  listMembers: {},
  pullMessages: { path: `/v1/groups/{group}/messages?${clientOf}` },
  pullGroupMailbox: { path: `/v1/groups/{group}/mailbox?${clientOf}` },
  history: { path: `/v1/groups/{group}/history?${clientOf}` },
  listTopics: { path: `/v1/groups/{group}/topics?${clientOf}` },
  pullMailbox: { path: `/v1/mailbox/pull?group_id={group}&${clientOf}` },
  mailboxCursor: { path: `/v1/mailbox/cursor?group_id={group}&${clientOf}` },
  acknowledgeMailbox: {
    body: (group) => JSON.stringify({ client_id: "phone", group_id: group, message_id: idText(OURS) }),
    done: async (world) => {
      const body = { client_id: "phone", group_id: idText(OURS), message_id: await messageOf(world) };
      return world.bearer("/v1/mailbox/ack", { method: "POST", body: JSON.stringify(body) });
    },
  },
  search: { path: `/v1/groups/{group}/search?q=hello&${clientOf}` },
  messageContext: {
    path: `/v1/groups/{group}/message-context?${clientOf}&message_id=${encodeURIComponent(idText(OURS))}`,
    done: async (world) => {
      const id = encodeURIComponent(await messageOf(world));
      return world.bearer(`/v1/groups/${inPath(OURS)}/message-context?${clientOf}&message_id=${id}`);
    },
  },
  listOpenInvites: { elsewhere: "test/http/open-invites.test.ts" },
  revokeOpenInvite: { elsewhere: "test/http/open-invites.test.ts" },
  challengeOpenInvite: { elsewhere: "test/http/open-invites.test.ts" },
  redeemOpenInvite: { elsewhere: "test/http/open-invites.test.ts" },
  listPublicMoots: { elsewhere: "test/http/directory.test.ts" },
  tellPublicMoot: { elsewhere: "test/http/directory.test.ts" },
  getPublicMoot: { elsewhere: "test/http/directory.test.ts" },
  setPublicMootStatus: { elsewhere: "test/http/directory.test.ts" },
  explore: { elsewhere: "test/http/directory.test.ts" },
  createGroup: { elsewhere: "test/http/sign-requests.test.ts" },
  updateGroup: { elsewhere: "test/http/sign-requests.test.ts" },
  publishToGroup: { elsewhere: "test/http/sign-requests.test.ts" },
  setPolicy: { elsewhere: "test/http/sign-requests.test.ts" },
  clearPolicy: { elsewhere: "test/http/sign-requests.test.ts" },
  publishMessage: { elsewhere: "test/http/sign-requests.test.ts" },
  removeMember: { elsewhere: "test/http/sign-requests.test.ts" },
  createInvite: { elsewhere: "test/http/sign-requests.test.ts" },
  acceptInvite: { elsewhere: "test/http/sign-requests.test.ts" },
  acceptOpenInvite: { elsewhere: "test/http/sign-requests.test.ts" },
  publishPublicMoot: { elsewhere: "test/http/sign-requests.test.ts" },
  listSignRequests: { elsewhere: "test/http/sign-requests.test.ts" },
  getSignRequest: { elsewhere: "test/http/sign-requests.test.ts" },
  completeSignRequest: { elsewhere: "test/http/sign-requests.test.ts" },
  rejectSignRequest: { elsewhere: "test/http/sign-requests.test.ts" },
  currentDevice: { elsewhere: "test/http/devices.test.ts" },
  putPushToken: { elsewhere: "test/http/devices.test.ts" },
  notificationPreferences: { elsewhere: "test/http/devices.test.ts" },
  putNotificationPreferences: { elsewhere: "test/http/devices.test.ts" },
  testNotification: { elsewhere: "test/http/devices.test.ts" },
  policy: {},
  listLiveAgents: {},
  diagnostics: {},
  events: eventsWay("/v1/events", {
    404: (world) => world.bearer(`/v1/events?groups=${inPath(UNKNOWN_MOOT)}`),
  }),
  groupEvents: eventsWay("/v1/groups/{group}/events"),
};

interface Operation {
  readonly operationId: string;
  readonly parameters: readonly { readonly name: string; readonly in: string }[];
  readonly responses: Readonly<Record<string, unknown>>;
}

/** How each status that any route may answer comes about. */
function generalWay(status: number, asked: Asked): Ask | undefined {
  const { bearer, isPublic, target } = asked;
  switch (status) {
    case 200:
      return bearer(target(OURS));
    case 400:
      return badInput(asked);
    case 401:
      return (world) => world.ask(target(OURS), asked.options);
    case 403:
      return (world) => {
        world.registry.change(() => [device("phone", 2, { isDisabled: true })]);
        return world.as(target(OURS), asked.options);
      };
    case 404:
      return bearer(target(UNKNOWN_MOOT), UNKNOWN_MOOT);
    case 413:
      return (world) => world.bearer(target(OURS), { ...asked.options, body: "x".repeat(17 * 1024 * 1024) });
    case 429:
      return async (world) => {
        world.restart({ perMinute: 1 });
        const ask = () => (isPublic ? world.ask(target(OURS)) : world.bearer(target(OURS), asked.options));
        await ask();
        return ask();
      };
    case 503:
      return (world) => {
        world.isDaemonGone = true;
        return bearer(target(OURS))(world);
      };
    default:
      return undefined;
  }
}

interface Asked {
  readonly isPublic: boolean;
  readonly options: AskOptions;
  readonly target: (group: GroupId) => string;
  readonly bearer: (target: string, group?: GroupId) => (world: HttpWorld) => Promise<Answer>;
}

function badInput({ options, target }: Asked): Ask {
  if (options.body !== undefined) return (world) => world.bearer(target(OURS), { ...options, body: "{" });
  const given = target(OURS);
  const broken = given.includes(inPath(OURS)) ? given.replace(inPath(OURS), "x") : `${given}?topic=a/%23/b`;
  return (world) => world.bearer(broken, options);
}

test("every status that the document declares is produced once, of every operation that no other file goes through", async () => {
  using documentHome = new TemporaryDirectory();
  using first = new HttpWorld(documentHome);
  const { paths } = (await first.ask("/v1/openapi.json")).json as {
    paths: Record<string, Record<string, Operation & { readonly security: readonly unknown[] }>>;
  };
  const wrong: string[] = [];
  for (const [path, methods] of Object.entries(paths)) {
    for (const [method, operation] of Object.entries(methods)) {
      const way = WAYS[operation.operationId];
      if (way === undefined) {
        wrong.push(`${operation.operationId}: no way to it in this test`);
        continue;
      }
      if (way.elsewhere !== undefined) continue;
      const template = way.path ?? path;
      const options = (group: GroupId): AskOptions => {
        return { method: method.toUpperCase(), ...(way.body === undefined ? {} : { body: way.body(idText(group)) }) };
      };
      const asked: Asked = {
        isPublic: operation.security.length === 0,
        options: options(OURS),
        target: (group) => template.replace("{group}", inPath(group)),
        bearer:
          (target, group = OURS) =>
          (world) =>
            world.bearer(target, options(group)),
      };
      for (const status of Object.keys(operation.responses).map(Number)) {
        using home = new TemporaryDirectory();
        using world = new HttpWorld(home);
        const ask = way.more?.[status] ?? (status === 200 ? way.done : undefined) ?? generalWay(status, asked);
        const found = await ask?.(world);
        if (found?.status !== status) wrong.push(`${operation.operationId} ${status}: found ${found?.status}`);
      }
      expect(Object.keys(operation.responses).length).toBeGreaterThan(1);
    }
  }
  expect(wrong).toEqual([]);
});
