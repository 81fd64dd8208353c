import { decodeDefaultMoot, defaultMootCodec, defaultMootSigningForm } from "../../core/admission/default-moot.ts";
import { encodeUtf8 } from "../../core/bytes/utf8.ts";
import { canonicalJson } from "../../core/json/canonical-json.ts";
import { type Codec, decodeJson, encodeCanonical } from "../../core/json/json-codec.ts";
import { gossip, gossipSigningForm, hello, helloSigningForm } from "../../core/record/gossip.ts";
import { invite, memberProfileAd, message, rosterEntry, transportAd } from "../../core/record/record-codecs.ts";
import { secondOpinion } from "../../core/second-opinion.ts";
import { hexField, textField } from "../fields.ts";
import { type Check, expectEqual, Mismatch, type Subject, type VectorCase } from "../subject.ts";

const UNSIGNED = { signature: new Uint8Array(0) };
const UNSIGNED_AND_UNNAMED = { ...UNSIGNED, id: message.zero().id };

export const subject: Subject = {
  kinds: {
    json: (vector) => compare(vector, (input) => ({ canonical: encodeUtf8(canonicalJson(input)) })),
    message: typed(message, (value) => encodeCanonical(message, { ...value, ...UNSIGNED_AND_UNNAMED })),
    roster_entry: typed(rosterEntry, (value) =>
      encodeCanonical(rosterEntry, { ...value, ...UNSIGNED, id: rosterEntry.zero().id }),
    ),
    invite: typed(invite, (value) => encodeCanonical(invite, { ...value, ...UNSIGNED })),
    gossip: typed(gossip, gossipSigningForm),
    hello: typed(hello, helloSigningForm),
    transport_ad: typed(transportAd, (value) => encodeCanonical(transportAd, { ...value, ...UNSIGNED })),
    member_profile_ad: typed(memberProfileAd, (value) => encodeCanonical(memberProfileAd, { ...value, ...UNSIGNED })),
    descriptor: (vector) =>
      compare(vector, (input) => {
        const value = decodeDefaultMoot(input);
        return { canonical: encodeCanonical(defaultMootCodec, value), signing: defaultMootSigningForm(value) };
      }),
  },
};

interface Outcome {
  readonly canonical: Uint8Array;
  readonly signing?: Uint8Array;
}

/** The case decodes as `codec` says; `signingForm` gives the bytes of its signing form. */
function typed<T>(codec: Codec<T>, signingForm: (value: T) => Uint8Array): Check {
  return (vector) =>
    compare(vector, (input) => {
      const value = decodeJson(codec, input);
      return { canonical: encodeCanonical(codec, value), signing: signingForm(value) };
    });
}

function compare(vector: VectorCase, run: (input: Uint8Array) => Outcome): void {
  const input = hexField(vector, "input_hex");
  const expected = textField(vector, "expect");
  let outcome: Outcome;
  try {
    outcome = run(input);
  } catch (error) {
    if (expected === "reject") return;
    throw new Mismatch(expected, `reject: ${error}`);
  }
  expectEqual("accept", expected);
  expectEqual(outcome.canonical, hexField(vector, "canonical_hex"));
  if (outcome.signing === undefined) return;
  expectEqual(outcome.signing, hexField(vector, "signing_hex"));
  if (vector.id_hex !== undefined) expectEqual(secondOpinion.sha256(outcome.signing), hexField(vector, "id_hex"));
}
