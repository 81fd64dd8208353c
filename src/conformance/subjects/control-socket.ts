import { EntmootError } from "../../core/errors.ts";
import { controlExit } from "../../wire/control/control-codes.ts";
import { decodeControlFrame, encodeControlFrame } from "../../wire/control/control-frame.ts";
import { controlLimits } from "../../wire/control/control-limits.ts";
import { CONTROL_TYPE } from "../../wire/control/control-types.ts";
import { numberField, textField } from "../fields.ts";
import { decodeCheck, encodeCheck, type FrameCodec } from "../frame-case.ts";
import { expectEqual, type Subject } from "../subject.ts";

const codec: FrameCodec = {
  limits: controlLimits,
  types: CONTROL_TYPE,
  reencode(type, body) {
    const frame = decodeControlFrame(type, body);
    if (frame.kind === "unknown_extension") throw new EntmootError("unknown_frame", `no frame has type ${type}`);
    return encodeControlFrame(frame);
  },
};

export const subject: Subject = {
  kinds: {
    encode: encodeCheck(codec),
    decode: decodeCheck(codec),
    exit_code(vector) {
      expectEqual(controlExit(textField(vector, "code")), numberField(vector, "exit"));
    },
  },
};
