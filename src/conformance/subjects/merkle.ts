import { sha256 } from "../../core/bytes/sha256.ts";
import { encodeUtf8 } from "../../core/bytes/utf8.ts";
import { EntmootError } from "../../core/errors.ts";
import { MerkleRoot, MessageId } from "../../core/ids.ts";
import { formatMerkleProof, MerkleTree, merkleProve, merkleRoot, merkleVerify } from "../../core/order/merkle-tree.ts";
import { booleanField, hexField, hexListField, numberField, objectField, textField } from "../fields.ts";
import { expectEqual, Mismatch, type Subject, type VectorCase } from "../subject.ts";

/** Ours. The vectors stop at 1000 ids. */
const IDS_MAX = 1_000_000;

const ID_RULE = /^id i = SHA-256\(utf8\("([^"\\]*)" \+ decimal i\)\), i = 0\.\.n-1 in order$/;

export const subject: Subject = {
  kinds: {
    root(vector) {
      const ids = idsOf(vector);
      expectEqual(merkleRoot(ids), textField(vector, "root"));
      const tree = new MerkleTree();
      const sequence = Uint32Array.from(ids, (id) => tree.add(MessageId.toBytes(id)));
      for (let length = 0; length < ids.length; length++) tree.root(sequence, length, Math.max(0, length - 1));
      expectEqual(tree.root(sequence, ids.length, Math.max(0, ids.length - 1)), textField(vector, "root"));
      if (vector.proof_index_of_first_id !== undefined) {
        expectEqual(merkleProve(ids, ids[0]!).index, numberField(vector, "proof_index_of_first_id"));
      }
    },

    proof(vector) {
      const ids = idsOf(vector);
      const id = MessageId.fromBytes(hexField(vector, "id"));
      if (vector.expect === "not_found") {
        if (ids.includes(id)) throw new Mismatch("not_found", "found");
        try {
          merkleProve(ids, id);
        } catch (error) {
          if (error instanceof EntmootError && error.code === "not_found") return;
          throw error;
        }
        throw new Mismatch("not_found", "found");
      }
      const proof = merkleProve(ids, id);
      expectEqual(proof, objectField(vector, "proof"));
      expectEqual(formatMerkleProof(proof), textField(vector, "proof_json"));
      expectEqual(merkleRoot(ids), textField(vector, "root"));
      expectEqual(merkleVerify(merkleRoot(ids), id, proof), booleanField(vector, "valid"));
    },

    verify(vector) {
      const proof = objectField(vector, "proof");
      const root = MerkleRoot.fromBytes(hexField(vector, "root"));
      const id = MessageId.fromBytes(hexField(vector, "id"));
      const found = merkleVerify(root, id, {
        index: numberField(proof, "index"),
        leaf_count: numberField(proof, "leaf_count"),
        siblings: hexListField(proof, "siblings"),
      });
      expectEqual(found, booleanField(vector, "valid"));
    },
  },
};

function idsOf(vector: VectorCase): MessageId[] {
  if (vector.ids !== undefined) return hexListField(vector, "ids").map((id) => MessageId.fromBytes(id));
  const prefix = ID_RULE.exec(textField(vector, "id_rule"))?.[1];
  if (prefix === undefined) throw new EntmootError("invalid_argument", "id_rule: expected the rule the vectors use");
  const count = numberField(vector, "n");
  if (!Number.isInteger(count) || count < 0 || count > IDS_MAX) {
    throw new EntmootError("invalid_argument", `n: expected 0 to ${IDS_MAX}`);
  }
  return Array.from({ length: count }, (_, i) => MessageId.fromBytes(sha256(encodeUtf8(`${prefix}${i}`))));
}
