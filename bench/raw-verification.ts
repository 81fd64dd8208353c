import { createPublicKey, verify } from "node:crypto";
import type { Corpus, Signed } from "./corpus.ts";

/** Ours. Verifications under way at once through WebCrypto; more change nothing. */
const IN_FLIGHT = 1024;

/** Bare signature checks of ready bytes, nothing read or stored: what no way in for messages can beat. */
export class RawVerification {
  readonly #corpus: Corpus;
  readonly #key: CryptoKey;

  static async of(corpus: Corpus): Promise<RawVerification> {
    const { publicKey } = corpus.author;
    return new RawVerification(
      corpus,
      await crypto.subtle.importKey("raw", publicKey.slice(), "Ed25519", false, ["verify"]),
    );
  }

  private constructor(corpus: Corpus, key: CryptoKey) {
    this.#corpus = corpus;
    this.#key = key;
  }

  /** Every message once, through WebCrypto, which spreads them over the cores. */
  async webCrypto(): Promise<void> {
    const { messages } = this.#corpus;
    for (let at = 0; at < messages.length; at += IN_FLIGHT) {
      const answers = await Promise.all(
        messages
          .slice(at, at + IN_FLIGHT)
          .map(({ message, signing }) =>
            crypto.subtle.verify("Ed25519", this.#key, message.signature as Uint8Array<ArrayBuffer>, signing),
          ),
      );
      if (answers.includes(false)) throw new Error("a signature of the benchmark does not hold");
    }
  }

  /** Every message once, on this thread alone. */
  nodeCrypto(messages: readonly Signed[] = this.#corpus.messages): void {
    const x = Buffer.from(this.#corpus.author.publicKey).toString("base64url");
    const key = createPublicKey({ key: { kty: "OKP", crv: "Ed25519", x }, format: "jwk" });
    for (const { message, signing } of messages) {
      if (!verify(null, signing, key, message.signature)) throw new Error("a signature of the benchmark does not hold");
    }
  }
}
