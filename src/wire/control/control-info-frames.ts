import { type GroupId, MerkleRoot } from "../../core/ids.ts";
import { type Codec, optional, struct } from "../../core/json/json-codec.ts";
import { bool, bytes, groupId, int, text, u8, u32 } from "../../core/json/json-scalars.ts";
import { plainList, u16 } from "../frame/bounded.ts";
import { type FrameBody, jsonBody } from "../frame/frame-body.ts";

/** Ours. A group takes at least 100 bytes, and each has its own directory. */
export const INFO_GROUPS_MAX = 65_536;

/** Asks what the daemon is and holds. */
export interface InfoReq {
  readonly kind: "info_req";
}

export interface GroupInfo {
  readonly group_id: GroupId;
  readonly members: number;
  readonly messages: number;
  readonly merkle_root: MerkleRoot | undefined;
}

export interface InfoResp {
  readonly kind: "info_resp";
  readonly pilot_node_id: number;
  readonly entmoot_pubkey: Uint8Array | null;
  readonly listen_port: number;
  readonly data_dir: string;
  readonly groups: readonly GroupInfo[];
  readonly running: boolean;
}

/** Wire. The one root that stands as 32 numbers, not base64: fewer are filled up with 0, further ones dropped. */
const numbersRoot: Codec<MerkleRoot> = {
  label: "list of 32 numbers",
  zero: () => MerkleRoot.zero,
  read(reader, previous) {
    const under = MerkleRoot.toBytes(previous);
    const root = new Uint8Array(32);
    const isArray = reader.takeArray((index) => {
      if (index < root.length) root[index] = u8.read(reader, under[index]!);
      else reader.takeTokens();
    });
    if (!isArray) reader.fail("a list of 32 numbers");
    return MerkleRoot.fromBytes(root);
  },
  write: (value) => `[${MerkleRoot.toBytes(value).join(",")}]`,
};

const groupInfo = struct<GroupInfo>("group info", {
  group_id: groupId,
  members: int,
  messages: int,
  merkle_root: optional(numbersRoot),
});

const emptyObject = jsonBody("info_req", struct<object>("info_req", {}));

/** The one request that may come without a body. */
export const infoReqBody: FrameBody<InfoReq> = {
  decode: (body) => (body.length === 0 ? { kind: "info_req" } : emptyObject.decode(body)),
  encode: (frame) => emptyObject.encode(frame),
};

export const infoRespBody: FrameBody<InfoResp> = jsonBody(
  "info_resp",
  struct<Omit<InfoResp, "kind">>("info_resp", {
    pilot_node_id: u32,
    entmoot_pubkey: bytes,
    listen_port: u16,
    data_dir: text,
    groups: plainList(groupInfo, INFO_GROUPS_MAX),
    running: bool,
  }),
);
