/** A JSON Schema (2020-12) as plain data, for documents made from codecs. */
export type JsonSchema = { readonly [keyword: string]: unknown };

/** For a value about which nothing is said. */
export const ANY_JSON: JsonSchema = Object.freeze({});
