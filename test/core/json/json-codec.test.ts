import { expect, test } from "bun:test";
import { EntmootError } from "../../../src/core/errors.ts";
import {
  checkValue,
  decodeJson,
  encodeCanonical,
  encodeWire,
  list,
  omitted,
  omittedList,
  optional,
  struct,
} from "../../../src/core/json/json-codec.ts";
import {
  bool,
  bytes,
  fixedBytes,
  i64,
  int,
  messageId,
  omittedBytes,
  rawJson,
  text,
  u8,
  u32,
  u64,
} from "../../../src/core/json/json-scalars.ts";
import { processorMs } from "../../support/processor-time.ts";

interface Point {
  readonly x: number;
  readonly label: string;
}
const point = struct<Point>("point", { x: u32, label: omitted(text) });

interface Sample {
  readonly small: number;
  readonly wide: bigint;
  readonly points: readonly Point[] | null;
  readonly texts: readonly string[];
  readonly data: Uint8Array | null;
  readonly extra: string | undefined;
  readonly inner: Point | undefined;
  readonly done: boolean;
}
const sample = struct<Sample>("sample", {
  small: u8,
  wide: i64,
  points: list(point),
  texts: omittedList(text),
  data: bytes,
  extra: rawJson,
  inner: optional(point),
  done: omitted(bool),
});

const read = (json: string) => decodeJson(sample, json);
const canonical = (json: string) => new TextDecoder().decode(encodeCanonical(sample, read(json)));
const wire = (json: string) => new TextDecoder().decode(encodeWire(sample, read(json)));

function refusal(json: string | Uint8Array): string {
  try {
    decodeJson(sample, json);
  } catch (error) {
    expect(error).toBeInstanceOf(EntmootError);
    expect((error as EntmootError).code).toBe("malformed_frame");
    return (error as EntmootError).message;
  }
  throw new Error("was taken");
}

test("the wire form has the order of the fields, the canonical form that of their bytes", () => {
  const json = '{"small":1,"texts":["a<b"],"points":[{"x":2}],"done":true}';
  expect(wire(json)).toBe('{"small":1,"wide":0,"points":[{"x":2}],"texts":["a\\u003cb"],"data":null,"done":true}');
  expect(canonical(json)).toBe('{"data":null,"done":true,"points":[{"x":2}],"small":1,"texts":["a<b"],"wide":0}');
});

test("a refusal names the path, what was expected and what was found", () => {
  expect(refusal('{"points":[{"x":1},{"x":-1}]}')).toBe("sample: points[1].x: expected uint32, found number -1");
  expect(refusal('{"small":256}')).toBe("sample: small: expected uint8 from 0 to 255, found 256");
  expect(refusal('{"data":{}}')).toBe("sample: data: expected a byte string in base64, found an object");
  expect(refusal('{"data":"AA"}')).toBe("sample: data: expected standard padded base64, found other text");
  expect(refusal('{"inner":[]}')).toBe("sample: inner: expected point object, found an array");
  expect(refusal("")).toBe("sample: expected sample object, found the end of the input");
  expect(refusal("{} x")).toBe('sample: expected the end, found character "x"');
  expect(refusal('{"small":tru}')).toBe('sample: small: expected uint8, found character "t"');
});

test("a refusal never repeats more than a little of what was sent", () => {
  expect(refusal(`{"wide":${"9".repeat(100_000)}}`).length).toBeLessThan(200);
  expect(() => decodeJson(sample, `{"${"k".repeat(100_000)}":1}`, { unknownKeys: "refuse" })).toThrow(/^.{1,200}$/);
});

test("unknown keys are ignored, or refused at every depth when asked", () => {
  expect(read('{"zzz":[{}],"small":3}').small).toBe(3);
  expect(() => decodeJson(sample, '{"zzz":1}', { unknownKeys: "refuse" })).toThrow('expected a known key, found "zzz"');
  expect(() => decodeJson(sample, '{"points":[{"y":1}]}', { unknownKeys: "refuse" })).toThrow("points[0]");
});

test("keys match in any case, and by the two letters that fold into ASCII", () => {
  expect(read('{"SMALL":4}').small).toBe(4);
  expect(read('{"\u017fmall":5}').small).toBe(5);
  expect(read('{"small":1,"SMALL":2}').small).toBe(2);
  expect(read('{"SMALL":2,"small":1}').small).toBe(1);
  expect(read('{"small ":9}').small).toBe(0);
  const key = struct<{ readonly k: number }>("k", { k: u8 });
  expect(decodeJson(key, '{"\u212a":7}').k).toBe(7);
  expect(decodeJson(key, '{"\u0131":7}').k).toBe(0);
});

test("null keeps a scalar or an object, empties a list or byte string, and removes an optional one", () => {
  expect(read('{"small":1,"small":null}').small).toBe(1);
  expect(read('{"points":[],"points":null}').points).toBeNull();
  expect(read('{"data":"","data":null}').data).toBeNull();
  expect(read('{"texts":["a"],"texts":null}').texts).toEqual([]);
  expect(read('{"inner":{"x":1},"inner":null}').inner).toBeUndefined();
  expect(read('{"extra":null}').extra).toBe("null");
  expect(read("null")).toEqual(sample.zero());
});

test("duplicate objects merge; duplicate lists are read over the one before", () => {
  expect(read('{"inner":{"x":1},"inner":{"label":"a"}}').inner).toEqual({ x: 1, label: "a" });
  expect(read('{"texts":["a","b"],"texts":[null,"c",null]}').texts).toEqual(["a", "c", ""]);
  expect(read('{"points":[{"x":1}],"points":[{"label":"l"},{}]}').points).toEqual([
    { x: 1, label: "l" },
    { x: 0, label: "" },
  ]);
  expect(read('{"texts":["a"],"texts":null,"texts":[null]}').texts).toEqual([""]);
  expect(read('{"data":[1,2,3],"data":[null]}').data).toEqual(Uint8Array.of(1));
});

test("a third duplicate is read over what the first held beyond a shorter second", () => {
  expect(read('{"texts":["a","b","c"],"texts":["z"],"texts":[null,null]}').texts).toEqual(["z", "b"]);
  expect(read('{"data":[1,2,3],"data":[9],"data":[null,null]}').data).toEqual(Uint8Array.of(9, 2));
  expect(read('{"texts":["a","b"],"texts":[],"texts":[null,null]}').texts).toEqual(["", ""]);
});

test("integers are plain decimal literals inside their range", () => {
  for (const literal of [
    "1.0",
    "1e3",
    "1E0",
    "-0.0",
    "01",
    "+1",
    ".5",
    "1.",
    "0x10",
    "NaN",
    "1_0",
    '"1"',
    "true",
    "[]",
  ]) {
    expect(refusal(`{"wide":${literal}}`)).toContain("sample:");
  }
  expect(read('{"wide":-0}').wide).toBe(0n);
  expect(refusal('{"small":-0}')).toContain("expected uint8");
  expect(read('{"wide":9223372036854775807}').wide).toBe(2n ** 63n - 1n);
  expect(read('{"wide":-9223372036854775808}').wide).toBe(-(2n ** 63n));
  expect(refusal('{"wide":9223372036854775808}')).toContain("int64");
  expect(decodeJson(u64, "18446744073709551615")).toBe(2n ** 64n - 1n);
  expect(() => decodeJson(u64, "18446744073709551616")).toThrow("uint64");
  expect(() => decodeJson(u64, "-1")).toThrow("uint64");
  expect(Object.is(decodeJson(int, "-0"), 0)).toBe(true);
  expect(decodeJson(int, "-9007199254740991")).toBe(-9007199254740991);
  for (const literal of ["9007199254740992", "9007199254740993", "9223372036854775807"]) {
    expect(decodeJson(int, literal)).toBe(Number.MAX_SAFE_INTEGER);
    if (literal !== "9007199254740992") expect(decodeJson(int, `-${literal}`)).toBe(Number.MIN_SAFE_INTEGER);
  }
  expect(() => decodeJson(int, "9223372036854775808")).toThrow("int64");
});

test("a number of a million digits is refused at once", () => {
  const digits = "9".repeat(1_000_000);
  expect(processorMs(() => expect(() => decodeJson(i64, digits)).toThrow("int64"))).toBeLessThan(1_000);
});

test("bytes in a list are whole numbers up to 255, however they stand there", () => {
  const read = (json: string) => [...decodeJson(omittedBytes, json)];
  expect(read("[0,9,10,99,100,255]")).toEqual([0, 9, 10, 99, 100, 255]);
  expect(read("[ 0 ,\n255 ]")).toEqual([0, 255]);
  expect(read("[null,7]")).toEqual([0, 7]);
  for (const json of [
    "[256]",
    "[260]",
    "[999]",
    "[1000]",
    "[-1]",
    "[01]",
    "[00]",
    "[1.0]",
    "[1e1]",
    '["1"]',
    "[true]",
    "[,]",
    "[1,]",
    "[1",
  ]) {
    expect(() => read(json), json).toThrow("byte string: ");
  }
  expect(() => read("[1,2,256]")).toThrow("[2]: expected uint8 from 0 to 255, found 256");
});

test("ids and fixed byte strings are base64 of exactly their length, and null is none", () => {
  const id = Buffer.alloc(32, 9);
  expect(decodeJson(messageId, JSON.stringify(id.toString("base64")))).toBe(id.toHex() as never);
  for (const bad of ["null", '""', "1", "[9]", JSON.stringify(Buffer.alloc(31).toString("base64"))]) {
    expect(() => decodeJson(messageId, bad)).toThrow("message id");
  }
  const fingerprint = fixedBytes("fingerprint", 16);
  expect(fingerprint.zero()).toEqual(new Uint8Array(16));
  expect(() => decodeJson(fingerprint, "null")).toThrow("fingerprint");
  expect(decodeJson(omittedBytes, "null")).toEqual(new Uint8Array(0));
});

test("raw JSON keeps its numbers and, on the wire, its key order", () => {
  const json = '{"extra": { "b":1.0, "a":"<\\u2028",\n "a" : 2.50 } }';
  expect(wire(json)).toContain('"extra":{"b":1.0,"a":"\\u003c\\u2028","a":2.50}');
  expect(canonical(json)).toContain('"extra":{"a":2.50,"b":1.0}');
});

test("nesting is counted over the whole input, ignored keys included", () => {
  const nested = (levels: number) => `{"zzz":${"[".repeat(levels)}${"]".repeat(levels)}}`;
  expect(read(nested(9_999))).toEqual(sample.zero());
  expect(refusal(nested(10_000))).toContain("10000 levels");
  expect(read(nested(9_999).replace("zzz", "extra")).extra?.length).toBe(19_998);
});

test("an id written beside another id's key is not lost to a key named like a method", () => {
  expect(read('{"__proto__":{"small":7},"constructor":1,"toString":2}').small).toBe(0);
});

test("short duplicates of a long list or byte string are read in linear time, and at most 1,024 keys repeat", () => {
  const texts = `"texts":[${'"",'.repeat(100_000)}""],${'"texts":["a"],'.repeat(1_024)}`;
  const data = `"data":[${"0,".repeat(100_000)}0],${'"data":[7],'.repeat(1_024)}`;
  const took = processorMs(() => {
    expect(read(`{${texts}"small":1}`).texts).toEqual(["a"]);
    expect(read(`{${data}"small":1}`).data).toEqual(Uint8Array.of(7));
  });
  expect(took).toBeLessThan(5_000);
  expect(() => read(`{${'"texts":[],'.repeat(600)}${'"data":[],'.repeat(428)}"small":1}`)).toThrow(
    "data: expected at most 1024 keys that repeat, found one more",
  );
  expect(() => read(`{"points":[{${'"x":1,'.repeat(600)}"x":1},{${'"x":1,'.repeat(600)}"x":1}]}`)).toThrow(
    "points[1].x: expected at most 1024 keys that repeat, found one more",
  );
});

test("a byte string in a list is read alike with or without blanks, and nothing but bytes is", () => {
  const bytes = (list: string) => [...read(`{"data":[${list}]}`).data!];
  expect(bytes("1,2,255,0")).toEqual([1, 2, 255, 0]);
  expect(bytes(" 1 ,\n2\t, 255 , 0 ")).toEqual([1, 2, 255, 0]);
  expect(bytes("1,null,3")).toEqual([1, 0, 3]);
  for (const [list, place] of [
    ["1,256", 1],
    ["1,256,3", 1],
    ["1,,2", 1],
    ["1,2,", 2],
    [",1", 0],
    ["1,-1,2", 1],
    ["1,2.5,3", 1],
    ["1,9999999999999999999,3", 1],
  ] as const) {
    expect(() => bytes(list)).toThrow(`data[${place}]`);
  }
  expect(() => bytes("01,2")).toThrow('expected "," or "]"');
  expect(() => bytes("1 2,3")).toThrow('expected "," or "]"');
});

test("an object without keys is what no object is, also among others and within the deepest one", () => {
  expect(read('{"points":[{},{ },{"x":2},{}]}').points?.map(({ x }) => x)).toEqual([0, 0, 2, 0]);
  expect(() => read('{"points":[{]}')).toThrow("expected a key");
  expect(() => read('{"points":[{}}')).toThrow('expected "," or "]"');
});

test("a list read over another leaves the other as it was", () => {
  const previous = read('{"texts":["a","b","c"]}').texts;
  expect(read('{"texts":["a","b","c"],"texts":["z"],"texts":["y"],"texts":[null,null,null]}').texts).toEqual([
    "y",
    "b",
    "c",
  ]);
  expect(previous).toEqual(["a", "b", "c"]);
});

test("a value in memory is held to what reading its JSON is held to, in the same words", () => {
  const good: Sample = {
    small: 255,
    wide: -(2n ** 63n),
    points: [{ x: 1, label: "" }],
    texts: ["a"],
    data: new Uint8Array(3),
    extra: '{"a":1}',
    inner: { x: 2, label: "b" },
    done: true,
  };
  checkValue(sample, good);
  checkValue(sample, { ...good, points: null, data: null, extra: undefined, inner: undefined, unknown: 7 });
  checkValue(sample, decodeJson(sample, "{}"));
  for (const [change, says] of [
    [{ small: 256 }, "small: expected uint8 from 0 to 255, found 256"],
    [{ small: 0.5 }, "small: expected uint8, found 0.5"],
    [{ small: undefined }, "small: expected uint8, found none"],
    [{ small: "1" }, "small: expected uint8, found a string"],
    [{ wide: 7 }, "wide: expected int64, found 7"],
    [
      { wide: 2n ** 63n },
      "wide: expected int64 from -9223372036854775808 to 9223372036854775807, found 9223372036854775808",
    ],
    [{ points: {} }, "points: expected a list of point, found an object"],
    [{ points: [good.inner, { x: -1, label: "" }] }, "points[1].x: expected uint32 from 0 to 4294967295, found -1"],
    [{ points: [null] }, "points[0]: expected point object, found null"],
    [{ texts: null }, "texts: expected a list of text, found null"],
    [{ texts: [1] }, "texts[0]: expected a string, found 1"],
    [{ data: "AA==" }, "data: expected a byte string, found a string"],
    [{ extra: {} }, "extra: expected JSON text, found an object"],
    [{ inner: [] }, "inner: expected point object, found an array"],
    [{ done: 1 }, "done: expected true or false, found 1"],
  ] as const) {
    expect(() => checkValue(sample, { ...good, ...change })).toThrow(
      new EntmootError("malformed_frame", `sample: ${says}`),
    );
  }
  expect(() => checkValue(sample, { ...good, extra: "{" })).toThrow(EntmootError);
  expect(() => checkValue(fixedBytes("key", 2), new Uint8Array(3))).toThrow(
    "key: expected key of 2 bytes, found 3 bytes",
  );
  expect(() => checkValue(messageId, "AA")).toThrow(
    "message id: expected message id of 32 bytes in hex, found a string",
  );
  expect(() => checkValue(int, 2 ** 53)).toThrow("integer: expected integer, found 9007199254740992");
});

test("a codec that says nothing of values in memory has them written and read", () => {
  const even = { ...u8, check: undefined as never, read: (...args: Parameters<typeof u8.read>) => evenOnly(args) };
  const evenOnly = ([reader, previous]: Parameters<typeof u8.read>) => {
    const value = u8.read(reader, previous);
    return value % 2 === 0 ? value : reader.fail("an even number", String(value));
  };
  const pair = struct("pair", { even });
  checkValue(pair, { even: 2 });
  expect(() => checkValue(pair, { even: 3 })).toThrow("expected an even number, found 3");
});
