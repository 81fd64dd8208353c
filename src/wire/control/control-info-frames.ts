import { MerkleRoot } from "../../core/ids.ts";
import { type Codec, optional, struct } from "../../core/json/json-codec.ts";
import { bool, bytes, groupId, int, text, u8, u32 } from "../../core/json/json-scalars.ts";
import { plainList, u16 } from "../frame/bounded.ts";
import { type FrameOf, jsonBody } from "../frame/frame-body.ts";

/** Ours. A group takes at least 100 bytes, and each has its own directory. */
const INFO_GROUPS_MAX = 65_536;

/** Asks what the daemon is and holds. */
export type InfoReq = FrameOf<typeof emptyObject>;

const emptyObject = jsonBody("info_req", struct("info_req", {}));

/** The one request that may come without a body. */
export const infoReqBody: typeof emptyObject = {
  decode: (body) => (body.length === 0 ? { kind: "info_req" } : emptyObject.decode(body)),
  encode: (frame) => emptyObject.encode(frame),
};

/** Wire. The one root the original writes as 32 numbers, not base64: fewer are filled up with 0, further ones dropped. */
const numbersRoot: Codec<MerkleRoot> = {
  label: "list of 32 numbers",
  zero: () => MerkleRoot.zero,
  read(reader, previous) {
    const under = MerkleRoot.toBytes(previous);
    const root = new Uint8Array(32);
    const isArray = reader.readArray((index) => {
      if (index < root.length) root[index] = u8.read(reader, under[index]!);
      else reader.readTokens();
    });
    if (!isArray) reader.fail("a list of 32 numbers");
    return MerkleRoot.fromBytes(root);
  },
  write: (value) => `[${MerkleRoot.toBytes(value).join(",")}]`,
};

/** What the daemon holds of one group. */
const groupInfo = struct("group info", {
  group_id: groupId,
  members: int,
  messages: int,
  merkle_root: optional(numbersRoot),
});

export type InfoResp = FrameOf<typeof infoRespBody>;

export const infoRespBody = jsonBody(
  "info_resp",
  struct("info_resp", {
    pilot_node_id: u32,
    entmoot_pubkey: bytes,
    listen_port: u16,
    data_dir: text,
    groups: plainList(groupInfo, INFO_GROUPS_MAX),
    running: bool,
  }),
);
