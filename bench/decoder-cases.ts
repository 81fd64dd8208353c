import { parseOpenInviteLink } from "../src/core/admission/open-invite.ts";
import { pastedSpellings } from "../src/core/admission/pasted-link.ts";
import { withoutSecrets } from "../src/core/admission/secrets.ts";
import { decodeBase64 } from "../src/core/bytes/base64.ts";
import { trimSpace, withoutInvisible } from "../src/core/bytes/text.ts";
import { encodeUtf8 } from "../src/core/bytes/utf8.ts";
import { GroupId, MessageId } from "../src/core/ids.ts";
import { canonicalJson } from "../src/core/json/canonical-json.ts";
import { JsonReader } from "../src/core/json/json-reader.ts";
import { compactJson, jsonString } from "../src/core/json/json-text.ts";
import { parsePolicyFile } from "../src/core/policy/policy-file.ts";
import { matchTopic } from "../src/core/policy/topic.ts";
import { decodeMessageForms } from "../src/core/record/message.ts";
import { NOTE_KINDS, readNote } from "../src/core/record/note.ts";
import { decodeReceipt, RECEIPT_ROWS_MAX } from "../src/core/record/note-bodies.ts";
import { decodeRosterEntry, rosterEntrySigningForm } from "../src/core/roster/roster-entry.ts";
import { terminalText } from "../src/view/terminal-text.ts";
import { decodeControlFrame } from "../src/wire/control/control-frame.ts";
import { CONTROL_TYPE } from "../src/wire/control/control-types.ts";
import { PEER_EXTENSIONS } from "../src/wire/frame/extensions.ts";
import { FRAME_TYPE } from "../src/wire/frame/frame-types.ts";
import { decodeFrame } from "../src/wire/peer/frame.ts";

/** One decoder, what it usually reads, and what costs it most. */
export interface DecoderCase {
  readonly name: string;
  /** Of the worst input, and of typical ones together. */
  readonly bytes: number;
  /** What comes by the piece is typically of this size: `typical` is read as often as makes `bytes`. */
  readonly pieceBytes?: number;
  /** May throw: a refusal is an answer too. */
  readonly decode: (input: Uint8Array) => unknown;
  readonly typical: (bytes: number) => Uint8Array;
  readonly worst: Readonly<Record<string, (bytes: number) => Uint8Array>>;
}

const MIB = 1024 * 1024;
const STRANGER = 48 * 1024;

/** `piece` again and again, `bytes` in all. */
function repeated(piece: string | Uint8Array, bytes: number): Uint8Array {
  const unit = typeof piece === "string" ? encodeUtf8(piece) : piece;
  const filled = new Uint8Array(bytes);
  for (let at = 0; at < bytes; at += unit.length) filled.set(unit.subarray(0, bytes - at), at);
  return filled;
}

/** `before`, as many whole `piece`s as fit `bytes`, `after`. */
function between(before: string, piece: string, after: string, bytes: number): Uint8Array {
  const [head, unit, tail] = [before, piece, after].map((text) => encodeUtf8(text)) as [
    Uint8Array,
    Uint8Array,
    Uint8Array,
  ];
  const count = Math.floor((bytes - head.length - tail.length) / unit.length);
  return Buffer.concat([head, repeated(unit, count * unit.length), tail]);
}

/** One object of so many members, in no order. */
function keyed(count: number, key: (i: number) => string): Uint8Array {
  const all = Array.from({ length: Math.floor(count) }, (_, i) => `"${key((i * 7919) % 99991)}":0`).join(",");
  return encodeUtf8(`{${all}}`);
}

function quoted(bytes: Uint8Array): Uint8Array {
  return Buffer.concat([encodeUtf8('"'), bytes.subarray(2), encodeUtf8('"')]);
}

/** A receipt without a good signature, of as many rows as may be in it. */
function receiptNote(bytes: number): Uint8Array {
  const rows = Math.min(RECEIPT_ROWS_MAX, Math.floor((Math.min(bytes, 3_808) - 160) / 57));
  const note = new Uint8Array(160 + rows * 57);
  note.set(encodeUtf8("entmoot.note.v1\n"));
  note[16] = NOTE_KINDS.indexOf("receipt") + 1;
  note[88] = 1;
  note[95] = rows;
  for (let n = 0; n < rows; n++) note[96 + 57 * n] = n;
  return note;
}

const PROSE = "The entmoot met at dawn, and nobody was hasty: “first the names”, said one — then the tea. ";
const BROKEN = Uint8Array.of(0xff, 0x80, 0xe2, 0x82, 0xf0, 0x9f, 0x98);

const text = (decode: (text: string) => unknown) => (input: Uint8Array) =>
  decode(new TextDecoder("latin1").decode(input));
const unicode = (decode: (text: string) => unknown) => (input: Uint8Array) => decode(new TextDecoder().decode(input));

const ZERO = GroupId.toBase64(GroupId.zero);
const ID = MessageId.toBase64(MessageId.zero);
const AUTHOR = `{"pilot_node_id":7,"entmoot_pubkey":"${ID}"}`;

const ENTRY = `{"id":"${ID}","op":"add","subject":${AUTHOR},"policy":null,"actor":7,"timestamp":1767225600000,"parents":["${ID}"],"signature":"${"A".repeat(86)}=="}`;

function tokens(input: Uint8Array): void {
  new JsonReader(input, "json").readTokens();
}

/** A message with `topics` in a JSON list; what is signed is of no account here. */
const message = (bytes: number, topic: string) =>
  between(
    `{"author":{"entmoot_pubkey":"${ID}","pilot_node_id":7},"group_id":"${ZERO}","id":"${ID}","signature":"${"A".repeat(86)}==","timestamp":1767225600000,"topics":["a"`,
    `,"${topic}"`,
    "]}",
    bytes,
  );
/** As messages are. */
const messageWithContent = (bytes: number) =>
  between(
    `{"author":{"entmoot_pubkey":"${ID}","pilot_node_id":7},"content":"`,
    "QUJD",
    `","group_id":"${ZERO}","id":"${ID}","parents":["${ID}"],"signature":"${"A".repeat(86)}==","timestamp":1767225600000,"topics":["chat"]}`,
    bytes,
  );

const JSON_WORST: DecoderCase["worst"] = {
  "broken UTF-8 in a string": (bytes) =>
    Buffer.concat([encodeUtf8('{"a":"'), repeated(BROKEN, bytes - 8), encodeUtf8('"}')]),
  "short escapes": (bytes) => between('{"a":"', "\\n", '"}', bytes),
  "escapes of characters": (bytes) => between('{"a":"', "\\u2028", '"}', bytes),
  "lone surrogates": (bytes) => between('{"a":"', "\\ud800", '"}', bytes),
  "deep lists": (bytes) => between("[0", `,${"[".repeat(9000)}${"]".repeat(9000)}`, "]", bytes),
  "empty lists": (bytes) => between("[[]", ",[]", "]", bytes),
  "empty objects": (bytes) => between("[{}", ",{}", "]", bytes),
  digits: (bytes) => between('{"a":', "1", "}", bytes),
  "many numbers": (bytes) => between("[0", ",1", "]", bytes),
  "a number that ends badly": (bytes) => between('{"a":1.', "1", "e}", bytes),
  blanks: (bytes) => between('{"a":', " ", "1}", bytes),
  "one key again": (bytes) => between('{"a":1', ',"a":1', "}", bytes),
  "empty text": (bytes) => between('[""', ',""', "]", bytes),
  "keys beyond the surrogates": (bytes) => keyed(bytes / 13, (i) => `\ue000${i}`),
  "many keys": (bytes) => keyed(bytes / 10, (i) => `${i}`),
  "many keys, and a value with an escape": (bytes) =>
    Buffer.concat([keyed(bytes / 10 - 2, (i) => `${i}`).subarray(0, -1), encodeUtf8(',"a":"\\n"}')]),
  "many keys of escapes": (bytes) => keyed(bytes / 17, (i) => `\\u2028${i}`),
  "many keys that begin alike": (bytes) => keyed(bytes / 109, (i) => `${"a".repeat(99)}${i}`),
  "many keys, each a hundred times": (bytes) => keyed(bytes / 10, (i) => `${i % 1000}`),
  "keys on both sides of the surrogates": (bytes) => keyed(bytes / 13, (i) => `${i % 2 ? "\uffff" : "🌳"}${i}`),
  "many small objects": (bytes) => between('[{"b":0,"a":0}', ',{"b":0,"a":0}', "]", bytes),
  "objects within each other": (bytes) =>
    between("[0", `,${'{"b":'.repeat(4000)}0${',"a":0}'.repeat(4000)}`, "]", bytes),
  "a tower of lists": (bytes) =>
    Buffer.concat([repeated("[", 9000), between('"', "a", '"', bytes - 18_000), repeated("]", 9000)]),
  words: (bytes) => between("[null", ",null", "]", bytes),
};

/** Of as many groups as it takes. */
function policyFile(bytes: number): Uint8Array {
  const policies = Array.from({ length: Math.floor(bytes / 100) }, (_, i) => {
    const id = GroupId.fromHex(i.toString(16).padStart(64, "0"));
    return `"${GroupId.toBase64(id)}":{"max_message_bytes":4096,"messages":"6/min"}`;
  });
  return encodeUtf8(`{"version":1,"policies":{${policies.join(",")}}}`);
}

export const DECODERS: readonly DecoderCase[] = [
  {
    name: "UTF-8, as text of a JSON string",
    bytes: MIB,
    // Alone it costs seven times the built-in decoder of valid text, which looks at many bytes at once.
    decode: (input) => new JsonReader(input, "json").readString(),
    typical: (bytes) => quoted(repeated(PROSE, bytes)),
    worst: {
      "bytes of no character": (bytes) => quoted(repeated(Uint8Array.of(0xff), bytes)),
      "broken sequences": (bytes) => quoted(repeated(BROKEN, bytes)),
      "one character in two broken": (bytes) => quoted(repeated(Uint8Array.of(0xc3, 0xa9, 0xe2, 0x82), bytes)),
      "broken at the end": (bytes) => {
        const filled = repeated("a", bytes);
        filled[bytes - 1] = 0xff;
        return quoted(filled);
      },
      "letters between": (bytes) => quoted(repeated(Uint8Array.of(0x61, 0xff), bytes)),
      "four bytes cut": (bytes) => quoted(repeated(Uint8Array.of(0xf0, 0x9f, 0x98), bytes)),
    },
  },
  {
    name: "JSON, any",
    bytes: MIB,
    decode: tokens,
    typical: (bytes) =>
      between(
        '[{"from":"oak","at":17,"says":""}',
        `,{"from":"oak","at":17672256,"says":"${PROSE.slice(0, 60)}"}`,
        "]",
        bytes,
      ),
    worst: JSON_WORST,
  },
  {
    name: "canonical JSON",
    bytes: MIB,
    decode: canonicalJson,
    typical: (bytes) =>
      between(
        '[{"from":"oak","at":17,"says":""}',
        `,{"from":"oak","at":17672256,"says":"${PROSE.slice(0, 60)}"}`,
        "]",
        bytes,
      ),
    worst: JSON_WORST,
  },
  {
    name: "compact JSON",
    bytes: MIB,
    decode: unicode(compactJson),
    typical: (bytes) =>
      between(
        '[{"from":"oak","at":17,"says":""}',
        `,{"from":"oak","at":17672256,"says":"${PROSE.slice(0, 60)}"}`,
        "]",
        bytes,
      ),
    worst: JSON_WORST,
  },
  {
    name: "JSON string, written",
    bytes: MIB,
    decode: unicode((one) => [jsonString(one, "wire"), jsonString(one, "canonical")]),
    typical: (bytes) => repeated(PROSE, bytes),
    worst: {
      "angle brackets": (bytes) => repeated("<", bytes),
      "line separators": (bytes) => repeated("\u2028", bytes),
      controls: (bytes) => repeated("\u0001", bytes),
      quotes: (bytes) => repeated('"', bytes),
    },
  },
  {
    name: "base64",
    bytes: MIB,
    decode: unicode(decodeBase64),
    typical: (bytes) => repeated("QUJDabc0", bytes),
    worst: {
      "a line break behind each": (bytes) => repeated("Q\n", bytes),
      "padding at the end": (bytes) => between("", "AAAA", "A===", bytes),
      "all padding": (bytes) => repeated("=", bytes),
      "not ASCII": (bytes) => repeated("é", bytes),
    },
  },
  {
    name: "frame of a message, gossip",
    bytes: 256 * 1024,
    decode: (input) => decodeFrame(FRAME_TYPE.gossip, input, "pilot"),
    typical: (bytes) => between(`{"group_id":"${ZERO}","ids":["${ID}"`, `,"${ID}"`, "]}", bytes),
    worst: {
      ...JSON_WORST,
      "long content": (bytes) => between(`{"group_id":"${ZERO}","body":"`, "QUJD", `"}`, bytes),
      "content with breaks": (bytes) => between(`{"group_id":"${ZERO}","body":"`, "Q\\n", `"}`, bytes),
      "bytes as a list": (bytes) => between(`{"group_id":"${ZERO}","body":[1`, ",1", "]}", bytes),
      "keys of another case": (bytes) => between('{"a":1', ',"AaAaAaAaAaAaAaAa":1', "}", bytes),
    },
  },
  {
    name: "roster of a member, 1 MiB",
    bytes: MIB,
    decode: (input) => decodeFrame(FRAME_TYPE.roster_resp, input, "pilot"),
    typical: (bytes) => between(`{"group_id":"${ZERO}","entries":[null`, `,${ENTRY}`, "]}", bytes),
    worst: {
      ...JSON_WORST,
      "null entries": (bytes) => between(`{"group_id":"${ZERO}","entries":[null`, ",null", "]}", bytes),
      "empty entries": (bytes) => between(`{"group_id":"${ZERO}","entries":[{}`, ",{}", "]}", bytes),
      "nearly empty entries": (bytes) => between(`{"group_id":"${ZERO}","entries":[{}`, ',{"op":""}', "]}", bytes),
      "the entries again": (bytes) => between(`{"group_id":"${ZERO}","entries":[{}]`, ',"entries":[{}]', "}", bytes),
      "a policy of broken UTF-8": (bytes) =>
        Buffer.concat([encodeUtf8('{"entries":[{"policy":"'), repeated(BROKEN, bytes - 30), encodeUtf8('"}]}')]),
    },
  },
  {
    name: "frame of a stranger, redeem",
    bytes: STRANGER,
    pieceBytes: 150,
    decode: (input) => decodeFrame(PEER_EXTENSIONS.redeem_req.type, input, "entmoot/1"),
    typical: (bytes) =>
      between(`{"group_id":"${ZERO}","token":"AAAAAAAAAAAAAAAAAAAAAA==","hostname":"`, "oak", `"}`, bytes),
    worst: {
      ...JSON_WORST,
      "long hostname": (bytes) => between(`{"group_id":"${ZERO}","hostname":"`, "\\ud83d", `"}`, bytes),
    },
  },
  {
    name: "receipts of a member",
    bytes: 8192,
    pieceBytes: 3_808,
    decode: (input) => decodeReceipt(readNote(input).body),
    typical: receiptNote,
    worst: { "rows of one message": (bytes) => receiptNote(bytes).fill(0, 96, bytes - 64) },
  },
  {
    name: "frame of the control socket",
    bytes: MIB,
    pieceBytes: 600,
    decode: (input) => decodeControlFrame(CONTROL_TYPE.publish_req, input),
    typical: (bytes) => between(`{"group_id":"${ZERO}","topics":["chat"],"content":"`, "QUJD", `"}`, bytes),
    worst: JSON_WORST,
  },
  {
    name: "a message and its forms",
    bytes: 48 * 1024,
    pieceBytes: 600,
    decode: decodeMessageForms,
    typical: messageWithContent,
    worst: {
      ...JSON_WORST,
      "topics of line separators": (bytes) => message(bytes, "\u2028\u2028\u2028\u2028\u2028\u2028\u2028\u2028"),
      "many topics": (bytes) => message(bytes, "a"),
      "topics of escapes": (bytes) => message(bytes, "\\u2028\\u2028\\u2028\\u2028"),
      "topics broken": (bytes) =>
        Buffer.concat([
          message(512, "a").subarray(0, -2),
          encodeUtf8(',"'),
          repeated(BROKEN, bytes - 520),
          encodeUtf8('"]}'),
        ]),
      "plain, and spoilt by one blank": (bytes) => Buffer.concat([encodeUtf8(" "), message(bytes - 1, "a")]),
    },
  },
  {
    name: "a large message and its forms",
    bytes: MIB,
    pieceBytes: 600,
    decode: decodeMessageForms,
    typical: messageWithContent,
    worst: {
      ...JSON_WORST,
      "topics of line separators": (bytes) => message(bytes, "\u2028\u2028\u2028\u2028\u2028\u2028\u2028\u2028"),
      "many topics": (bytes) => message(bytes, "a"),
      "topics of escapes": (bytes) => message(bytes, "\\u2028\\u2028\\u2028\\u2028"),
    },
  },
  {
    name: "roster entry",
    bytes: MIB,
    pieceBytes: 400,
    decode: decodeRosterEntry,
    typical: () => encodeUtf8(ENTRY),
    worst: JSON_WORST,
  },
  {
    name: "roster entry and what is signed of it",
    bytes: MIB,
    pieceBytes: 400,
    decode: (input) => rosterEntrySigningForm(decodeRosterEntry(input)),
    typical: () => encodeUtf8(ENTRY),
    worst: Object.fromEntries(
      Object.entries(JSON_WORST).map(([name, make]) => [
        `a policy of ${name}`,
        (bytes) => Buffer.concat([encodeUtf8('{"policy":'), make(bytes - 11), encodeUtf8("}")]),
      ]),
    ),
  },
  {
    name: "policy file",
    bytes: MIB,
    decode: parsePolicyFile,
    typical: policyFile,
    worst: {
      ...JSON_WORST,
      "the map again": (bytes) => {
        const half = Array.from({ length: Math.floor(bytes / 2 / 12) }, (_, i) => `"k${i}":0`).join(",");
        return between(`{"policies":{${half}}`, ',"policies":{}', "}", bytes);
      },
      "bad entries": (bytes) => {
        const all = Array.from({ length: Math.floor(bytes / 14) }, (_, i) => `"k${i}":0`).join(",");
        return encodeUtf8(`{"policies":{${all}}}`);
      },
    },
  },
  {
    name: "topic against a pattern",
    bytes: MIB,
    decode: text((topic) => matchTopic("chat/+/#", topic)),
    typical: (bytes) => repeated("chat/general/", bytes - 1),
    worst: {
      segments: (bytes) => repeated("a/", bytes - 1),
      slashes: (bytes) => repeated("/", bytes),
      "one segment": (bytes) => repeated("a", bytes),
    },
  },
  {
    name: "text without what is invisible",
    bytes: MIB,
    decode: unicode(withoutInvisible),
    typical: (bytes) => repeated(PROSE, bytes),
    worst: {
      "all invisible": (bytes) => repeated("\u200b", bytes),
      "every other": (bytes) => repeated("a\u200b", bytes),
      tags: (bytes) => repeated("\u{e0041}", bytes),
    },
  },
  {
    name: "trimmed text",
    bytes: MIB,
    decode: unicode(trimSpace),
    typical: (bytes) => repeated(PROSE, bytes),
    worst: {
      blanks: (bytes) => repeated(" ", bytes),
      "blanks ahead": (bytes) => between("", " ", "a", bytes),
      "blanks within": (bytes) => between("a", " ", "a", bytes),
    },
  },
  {
    name: "text without secrets",
    bytes: 64 * 1024,
    decode: unicode(withoutSecrets),
    typical: (bytes) => repeated(`${PROSE}entmoot://join/AAECAwQFBgcICQoLDA0ODw `, bytes),
    worst: {
      beginnings: (bytes) => repeated("entmoot:", bytes),
      "beginnings and blanks": (bytes) => repeated("entmoot: ", bytes),
      "a beginning and blanks": (bytes) => between("entmoot:a", " ", "", bytes),
      "blanks and short words": (bytes) => between("entmoot:a", "  abcdefghijklmno", "", bytes),
      "blanks and long words": (bytes) => between("entmoot:a", "  abcdefghijklmnop", "", bytes),
      "blanks between two pieces": (bytes) => between("entmoot:a", `${" ".repeat(500)}abcdefghijklmnop`, "", bytes),
      "one word": (bytes) => repeated("a", bytes),
      "words of 99": (bytes) => repeated(`${"a".repeat(99)} `, bytes),
      "words of 100": (bytes) => repeated(`${"a".repeat(100)} `, bytes),
      "token and blanks": (bytes) => between("", `"token"${" ".repeat(200)}`, "", bytes),
      "token and blanks on": (bytes) => between('"token"', " ", "", bytes),
      backslashes: (bytes) => repeated("\\", bytes),
      dots: (bytes) => between("entmoot:a", ".", "", bytes),
      slashes: (bytes) => between("entmoot:", "/", "", bytes),
      invisible: (bytes) => repeated("\u200b", bytes),
    },
  },
  {
    name: "pasted link",
    bytes: 64 * 1024,
    decode: unicode((pasted) => pastedSpellings(pasted, "")),
    typical: (bytes) => repeated(`${PROSE}entmoot://join/AAECAwQFBgcICQoLDA0ODw `, bytes),
    worst: {
      beginnings: (bytes) => repeated("entmoot://join/", bytes),
      "blanks behind": (bytes) => between("entmoot://join/", " ", "", bytes),
      "blanks within": (bytes) => between("entmoot:", " ", "", bytes),
      dashes: (bytes) => between("entmoot://join/", "-", "a", bytes),
      pieces: (bytes) => between("entmoot://join/", " a", "", bytes),
      "long pieces of dashes": (bytes) => between("entmoot://join/", ` ${"-".repeat(500)}a`, "", bytes),
      "line breaks": (bytes) => between("entmoot://join/", "=\n", "", bytes),
      equals: (bytes) => between("entmoot://join/", "=", "", bytes),
    },
  },
  {
    name: "open invite",
    bytes: 8 * 1024,
    pieceBytes: 96,
    decode: text(parseOpenInviteLink),
    typical: (bytes) => between("entmoot://open-invite?issuer=https://example.org/moots&token=", "x", "", bytes),
    worst: {
      slashes: (bytes) => between("entmoot://open-invite/", "/", "a?issuer=https://example.org&token=secret", bytes),
      "slashes of the issuer": (bytes) =>
        between("entmoot://open-invite?token=secret&issuer=https://example.org/", "/", "a", bytes),
      "broken escapes": (bytes) =>
        between("entmoot://open-invite?", "%&", "issuer=https://example.org&token=secret", bytes),
      escapes: (bytes) => between("entmoot://open-invite?issuer=https://example.org/", "%41", "&token=secret", bytes),
    },
  },
  {
    name: "terminal text",
    bytes: 8 * 1024,
    pieceBytes: 96,
    decode: unicode((one) => terminalText(one)),
    typical: (bytes) => repeated(PROSE, bytes),
    worst: {
      controls: (bytes) => repeated("\u0001", bytes),
      breaks: (bytes) => repeated("\n", bytes),
      marks: (bytes) => repeated("\u202e", bytes),
    },
  },
];
