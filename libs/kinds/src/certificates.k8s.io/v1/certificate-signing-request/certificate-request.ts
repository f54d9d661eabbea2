import { constants, createPublicKey, type KeyObject, verify } from 'node:crypto';
import { bare } from '#apimachinery';

/** PKCS#10 requests (RFC 2986), as far as their validation looks: the frame, and the signature by the key inside. */

const SEQUENCE = 0x30;
const OBJECT_IDENTIFIER = 0x06;
const BIT_STRING = 0x03;

/** Signature algorithms by the bytes of their identifier, in hex. */
const hashes = bare<string>({
  '2a864886f70d01010b': 'sha256',
  '2a864886f70d01010c': 'sha384',
  '2a864886f70d01010d': 'sha512',
  '2a8648ce3d040302': 'sha256',
  '2a8648ce3d040303': 'sha384',
  '2a8648ce3d040304': 'sha512',
});
const ED25519 = '2b6570';
const RSA_PSS = '2a864886f70d01010a';
const insecure = bare<string>({
  '2a864886f70d010104': 'MD5-RSA',
  '2a864886f70d010105': 'SHA1-RSA',
  '2a8648ce3d0401': 'ECDSA-SHA1',
});

interface Element {
  tag: number;
  /** With its tag and length. */
  whole: Buffer;
  content: Buffer;
}

export interface CertificateRequest {
  /** What is signed. */
  info: Buffer;
  key: KeyObject;
  /** The signature's, by the bytes of its identifier in hex. */
  algorithm: string;
  signature: Buffer;
}

export interface PemBlock {
  type: string;
  hasHeaders: boolean;
  bytes: Buffer;
}

export function pemBlocks(text: string): PemBlock[] {
  const blocks: PemBlock[] = [];
  for (const [, type, body] of text.matchAll(/-----BEGIN ([^-\n]+)-----\r?\n([\s\S]*?)-----END \1-----/g)) {
    const hasHeaders = body!.includes(':');
    const encoded = hasHeaders ? body!.slice(body!.search(/\r?\n\r?\n/)) : body!;
    blocks.push({ type: type!, hasHeaders, bytes: Buffer.from(encoded, 'base64') });
  }
  return blocks;
}

/** What is wrong with a PEM request: its form, or a signature that its own key did not make. */
export function requestProblem(pem: string): string | undefined {
  const block = pemBlocks(pem)[0];
  if (block?.type !== 'CERTIFICATE REQUEST') return 'PEM block type must be CERTIFICATE REQUEST';
  let request: CertificateRequest;
  try {
    request = parseCertificateRequest(block.bytes);
  } catch (error) {
    return `x509: malformed certificate request: ${(error as Error).message}`;
  }
  return signatureProblem(request);
}

/** Why the signature does not prove that the sender has the key; undefined when it does. */
export function signatureProblem({ info, key, algorithm, signature }: CertificateRequest): string | undefined {
  if (insecure[algorithm] !== undefined) {
    return `x509: cannot verify signature: insecure algorithm ${insecure[algorithm]}`;
  }
  if (algorithm === RSA_PSS) {
    const padding = constants.RSA_PKCS1_PSS_PADDING;
    const saltLength = constants.RSA_PSS_SALTLEN_AUTO;
    const options = { key, padding, saltLength };
    const good = ['sha256', 'sha384', 'sha512'].some((hash) => verified(hash, info, options, signature));
    return good ? undefined : 'crypto/rsa: verification error';
  }
  const hash = algorithm === ED25519 ? null : hashes[algorithm];
  if (hash === undefined) return 'x509: cannot verify signature: algorithm unimplemented';
  if (verified(hash, info, key, signature)) return undefined;
  if (key.asymmetricKeyType === 'rsa') return 'crypto/rsa: verification error';
  return `x509: ${hash === null ? 'Ed25519' : 'ECDSA'} verification failure`;
}

function verified(
  hash: string | null,
  info: Buffer,
  key: KeyObject | { key: KeyObject; padding: number; saltLength: number },
  signature: Buffer,
): boolean {
  try {
    return verify(hash, info, key, signature);
  } catch {
    // A key of another kind than the algorithm's.
    return false;
  }
}

/** CertificationRequest: info, algorithm, signature; the info: version, subject, key, attributes. Throws for another form. */
export function parseCertificateRequest(der: Buffer): CertificateRequest {
  const request = elementAt(der, 0, SEQUENCE);
  if (request.whole.length !== der.length) throw new Error('trailing data');
  const [info, algorithm, signature] = elementsOf(request.content);
  const key = elementsOf(expected(info, SEQUENCE).content)[2];
  const identifier = elementsOf(expected(algorithm, SEQUENCE).content)[0];
  return {
    info: info!.whole,
    key: createPublicKey({ key: expected(key, SEQUENCE).whole, format: 'der', type: 'spki' }),
    algorithm: expected(identifier, OBJECT_IDENTIFIER).content.toString('hex'),
    // The first byte of a bit string counts its unused bits.
    signature: expected(signature, BIT_STRING).content.subarray(1),
  };
}

function elementsOf(content: Buffer): Element[] {
  const elements: Element[] = [];
  for (let at = 0; at < content.length; at += elements.at(-1)!.whole.length) elements.push(elementAt(content, at));
  return elements;
}

function elementAt(bytes: Buffer, at: number, tag?: number): Element {
  if (at + 2 > bytes.length) throw new Error('data truncated');
  let length = bytes[at + 1]!;
  let start = at + 2;
  if (length >= 0x80) {
    const size = length & 0x7f;
    if (size === 0 || size > 4 || start + size > bytes.length) throw new Error('invalid length');
    length = bytes.readUIntBE(start, size);
    start += size;
  }
  const end = start + length;
  if (end > bytes.length) throw new Error('data truncated');
  const element = { tag: bytes[at]!, whole: bytes.subarray(at, end), content: bytes.subarray(start, end) };
  return tag === undefined ? element : expected(element, tag);
}

function expected(element: Element | undefined, tag: number): Element {
  if (element?.tag !== tag) throw new Error('unexpected structure');
  return element;
}
