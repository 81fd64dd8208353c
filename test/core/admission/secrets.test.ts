import { expect, test } from "bun:test";
import { withoutSecrets } from "../../../src/core/admission/secrets.ts";

const SECRET = "AQkJCQkJCQkJCQkJCQkJCQkJ-_kJCQkJCQkJ";

test.each([
  [`unknown subcommand "entmoot://join/${SECRET}"`, 'unknown subcommand "entmoot://join/…"'],
  [`invite ENTMOOT://JOIN/${SECRET} is cut`, "invite ENTMOOT://JOIN/… is cut"],
  [`found "entmoot://join/${SECRET}\\n${SECRET}"`, 'found "entmoot://join/…"'],
  [`found entmoot://join/${SECRET}\n  ${SECRET} here`, "found entmoot://join/… here"],
  [`found ent\u200bmoot://join/AQkJ\u200b${SECRET}`, "found entmoot://join/…"],
  [`found entmoot://join/${SECRET.replace(/.{6}/g, "$&\n")} here`, "found entmoot://join/…\n here"],
  [`found entmoot://join/${SECRET.replace(/./g, "$& ")}: cut`, "found entmoot://join/… : cut"],
  [`found "entmoot://join/${SECRET.replace(/.{10}/g, "$&\\n>> ")}"`, 'found "entmoot://join/…"'],
  [`found entmoot://join/${SECRET.replace(/.{10}/g, "$&\u0085")}`, "found entmoot://join/…"],
  [`found entmoot://join/${SECRET.replace(/.{10}/g, "$&=\r\n")}`, "found entmoot://join/…"],
  [`found entmoot:\n//join/\n${SECRET.replace(/.{10}/g, "$&\n")}`, "found entmoot:\n//join/…"],
  [`found "entmoot:\\/\\/join\\/${SECRET} ${SECRET}"`, 'found "entmoot:\\/\\/join\\/…"'],
  [`found entmoot%3A%2F%2Fjoin%2F${SECRET}`, "found entmoot%3A%2F%2Fjoin%2F…"],
  [`unknown kind of link "join/${SECRET}", want open-invite`, 'unknown kind of link "join/…", want open-invite'],
  [`entmoot://open-invite?issuer=https://a.example/x&token=${SECRET}: no`, "entmoot://open-invite?…: no"],
  [`entmoot://open-invite?issuer=https://u:p4ss!@a.example/&token=${SECRET}: no`, "entmoot://open-invite?…: no"],
  [`entmoot://open-invite?issuer=https://u4ser@a.example/&token=${SECRET}: no`, "entmoot://open-invite?…: no"],
  ["invite https://u:p4$s!@a.example/x: no", "invite https://…@a.example/x: no"],
  ['found "https:\\/\\/t0ken@a.example\\/x"', 'found "https:\\/\\/…@a.example\\/x"'],
  [`https://a.example/v1/open-invites/${SECRET}/redeem: no`, "https://a.example/v1/open-invites/…/redeem: no"],
  [`https://a.example/invite?token=${SECRET}: 404`, "https://a.example/invite?token=…: 404"],
  [`https://a.example/invite?token=${SECRET}&a=b: 404`, "https://a.example/invite?token=…&a=b: 404"],
  [`found {"token":"${SECRET}"}`, 'found {"token":"…"}'],
  [`found "{\\"token\\":\\"${SECRET}\\"}"`, 'found "{\\"token\\":\\"…\\"}"'],
  [`found "<${"x9Yz".repeat(16)}\n> ${"x9Yz".repeat(16)}\n> ${"x9Yz".repeat(3)}>"`, 'found "<x9Yzx9Yz…>"'],
  [`unexpected argument AbCdEfGh${"x9Yz".repeat(30)}`, "unexpected argument AbCdEfGh…"],
])("%j shows no secret", (text, shown) => expect(withoutSecrets(text)).toBe(shown));

test.each([
  "expected one that begins with entmoot://join/; a link (entmoot://join/…), a URL or an invite's JSON",
  'found entmoot://join/…" here are 2 Words, none of them a link',
  `three keys: ${"Ab3".repeat(15)} ${"Cd4".repeat(15)} ${"Ef5".repeat(15)}`,
  `two ids: ${"ab3".repeat(21)}c ${"de4".repeat(21)}f`,
  "entmoot: join the council of 12",
  "src/node/join/find-the-roster-of-a-group.ts: read",
  "content budget for author 7: entmoot: rate limited",
  "publish to https://a.example/x as oak@a.example: /v1/open-invites/{token}/redeem",
  "publish: -token: expected 16 to 64 bytes, found 3",
  "name \u{1f469}\u200d\u{1f4bb}: not here",
  `${"a".repeat(149)}: the path is too long`,
])("%j stays as it is", (text) => expect(withoutSecrets(text)).toBe(text));
