import { generateKeyPair, type KeyObject, sign } from 'node:crypto';
import { promisify } from 'node:util';
import { bare } from '#apimachinery';

/** What keys are made of, and how Go signs with them: the hash, and the identifier of the algorithm in hex of DER. */
interface KeyKind {
  make(): Promise<{ publicKey: KeyObject; privateKey: KeyObject }>;
  hash: string | null;
  algorithm: string;
}

const generate = promisify(generateKeyPair);
const signed = promisify(sign);

const rsa = (modulusLength: number): KeyKind => ({
  make: () => generate('rsa', { modulusLength }),
  hash: 'sha256',
  algorithm: '300d06092a864886f70d01010b0500',
});
const ecdsa = (namedCurve: string, hash: string, algorithm: string): KeyKind => ({
  make: () => generate('ec', { namedCurve }),
  hash,
  algorithm,
});

const KINDS = bare<KeyKind>({
  RSA3072: rsa(3072),
  RSA4096: rsa(4096),
  ECDSAP256: ecdsa('P-256', 'sha256', '300a06082a8648ce3d040302'),
  ECDSAP384: ecdsa('P-384', 'sha384', '300a06082a8648ce3d040303'),
  ECDSAP521: ecdsa('P-521', 'sha512', '300a06082a8648ce3d040304'),
  ED25519: { make: () => generate('ed25519'), hash: null, algorithm: '300506032b6570' },
});

const SEQUENCE = 0x30;
const BIT_STRING = 0x03;
const VERSION = Buffer.from([0x02, 1, 0]);
const NO_ATTRIBUTES = Buffer.from([0xa0, 0]);

export interface RequestedKey {
  /** PKCS#8, PEM. */
  key: string;
  /** A PKCS#10 request without names (RFC 2986), signed with the key: base64 of DER. */
  request: string;
}

/**
 * A new key, and the proof that its holder asks. Threads of libuv do the arithmetic: a long key takes seconds. The request
 * has five parts that are always the same, so it is put together here: the library that writes all forms of it would take
 * longer to load than an agent needs for most keys.
 */
export async function newKey(keyType: string): Promise<RequestedKey> {
  const kind = KINDS[keyType];
  if (!kind) throw new Error(`while generating keypair: unknown key type ${JSON.stringify(keyType)}`);
  const { publicKey, privateKey } = await kind.make();
  const noSubject = element(SEQUENCE);
  const info = element(SEQUENCE, VERSION, noSubject, publicKey.export({ type: 'spki', format: 'der' }), NO_ATTRIBUTES);
  const signature = await signed(kind.hash, info, privateKey);
  // The first byte of a bit string counts its unused bits.
  const proof = element(BIT_STRING, Buffer.from([0]), signature);
  return {
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }) as string,
    request: element(SEQUENCE, info, Buffer.from(kind.algorithm, 'hex'), proof).toString('base64'),
  };
}

function element(tag: number, ...parts: Buffer[]): Buffer {
  const content = Buffer.concat(parts);
  return Buffer.concat([Buffer.from([tag, ...lengthOf(content)]), content]);
}

function lengthOf({ length }: Buffer): number[] {
  if (length < 0x80) return [length];
  return length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
}
