import { encodeWire } from "../../core/json/json-codec.ts";
import { isEndpointValid } from "../../core/record/endpoint.ts";
import { transportAd as codec } from "../../core/record/record-codecs.ts";
import type { TransportAd } from "../../core/record/records.ts";
import {
  checkTransportAd,
  decodeTransportAd,
  signTransportAd,
  transportAdReplaces,
  transportAdSigningForm,
} from "../../core/record/transport-ad.ts";
import { adContext } from "../ad-context.ts";
import { booleanField, hexField, numberField, objectListField, textField } from "../fields.ts";
import { expectEqual, type Subject, type VectorCase } from "../subject.ts";

export const subject: Subject = {
  kinds: { build: checkBuild, ingest: checkIngest, endpoint: checkEndpoint, lww: checkLastWriterWins },
};

function checkBuild(vector: VectorCase): void {
  const wire = hexField(vector, "wire");
  const ad = decodeTransportAd(wire);
  expectEqual(transportAdSigningForm(ad), hexField(vector, "signing"));
  const signed = signTransportAd({ ...ad, seed: hexField(vector, "seed") });
  expectEqual(signed.signature, hexField(vector, "signature"));
  if (vector.wire_informative !== true) expectEqual(encodeWire(codec, signed), wire);
}

function checkIngest(vector: VectorCase): void {
  const ad = decodeTransportAd(hexField(vector, "wire"));
  expectEqual(transportAdSigningForm(ad).length, numberField(vector, "signing_len"));
  expectEqual(checkTransportAd(ad, adContext(vector)) === undefined, booleanField(vector, "accepted"));
}

function checkEndpoint(vector: VectorCase): void {
  const endpoint = { network: textField(vector, "network"), addr: textField(vector, "addr") };
  expectEqual(isEndpointValid(endpoint), booleanField(vector, "valid"));
}

function checkLastWriterWins(vector: VectorCase): void {
  let stored: TransportAd | undefined;
  for (const [at, step] of objectListField(vector, "steps").entries()) {
    const ad = decodeTransportAd(hexField(step, "wire"));
    const replaced = transportAdReplaces(ad, stored);
    if (replaced) stored = ad;
    expectEqual(
      { at, replaced, error: false, seq: `${stored?.seq}` },
      {
        at,
        replaced: booleanField(step, "replaced"),
        error: booleanField(step, "error"),
        seq: textField(step, "stored_seq"),
      },
    );
    expectEqual(stored?.signature, hexField(step, "stored_signature"));
  }
}
