import { promisify } from 'node:util';
import { constants, crc32, deflateRaw } from 'node:zlib';
import type { ListPiece } from '../objects/list-body.js';

/** Enough for JSON, and four times as fast as zlib's default. */
const LEVEL = constants.Z_BEST_SPEED;

/** Bytes of compressed pieces that are kept. */
const KEPT_BYTES = 8 << 20;

const compress = promisify(deflateRaw);

/** A piece of a gzip member: whole deflate blocks that refer to nothing before them, so that they fit anywhere. */
export interface Fragment {
  readonly blocks: Buffer;
  /** Of the plain bytes. */
  readonly crc: number;
  readonly length: number;
}

/** Compressed pieces of lists, the last used last. Watchers that list again and pollers get what is still true of them for free. */
const kept = new Map<string, Fragment>();
let keptBytes = 0;

/** What was compressed before, or undefined. */
export function keptFragment(piece: ListPiece): Fragment | undefined {
  const fragment = kept.get(piece.key);
  if (fragment) {
    kept.delete(piece.key);
    kept.set(piece.key, fragment);
  }
  return fragment;
}

/** Compresses a piece off the event loop. */
export async function makeFragment(piece: ListPiece): Promise<Fragment> {
  const plain = piece.render();
  // Ends on a byte, without the bit that says that this is the last block.
  const blocks = await compress(plain, { level: LEVEL, finishFlush: constants.Z_SYNC_FLUSH });
  const fragment = { blocks, crc: crc32(plain), length: plain.length };
  if (!kept.has(piece.key)) keptBytes += cost(piece.key, fragment);
  kept.set(piece.key, fragment);
  for (const [key, oldest] of kept) {
    if (keptBytes <= KEPT_BYTES) break;
    kept.delete(key);
    keptBytes -= cost(key, oldest);
  }
  return fragment;
}

function cost(key: string, fragment: Fragment): number {
  return key.length + fragment.blocks.length + 200;
}

/** Bytes that are not worth compressing, at most 65,535, as a block. */
export function storedFragment(plain: Buffer, last = false): Fragment {
  const header = Buffer.alloc(5);
  header[0] = last ? 1 : 0;
  header.writeUInt16LE(plain.length, 1);
  header.writeUInt16LE(plain.length ^ 0xffff, 3);
  return { blocks: Buffer.concat([header, plain]), crc: crc32(plain), length: plain.length };
}

/** RFC 1952: deflate, no name, no time, unknown system. */
export const GZIP_HEADER: Buffer = Buffer.from([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 4, 255]);

/** Adds up the checksum and length of the fragments of one member. */
export class GzipTrailer {
  private crc = 0;
  private length = 0;

  add(fragment: Fragment): void {
    this.crc = combineCrc32(this.crc, fragment.crc, fragment.length);
    this.length += fragment.length;
  }

  bytes(): Buffer {
    const trailer = Buffer.alloc(8);
    trailer.writeUInt32LE(this.crc, 0);
    trailer.writeUInt32LE(this.length % 2 ** 32, 4);
    return trailer;
  }
}

/** The CRC-32 polynomial, bits reversed: the highest power is the lowest bit. */
const POLYNOMIAL = 0xedb88320;
const ONE = 0x80000000;

/** The checksum of two texts one after the other, from those of each: the first one, moved on by `length` zero bytes. */
export function combineCrc32(first: number, second: number, length: number): number {
  let shift = ONE;
  let square = byteShift();
  for (let rest = length; rest > 0; rest = Math.floor(rest / 2)) {
    if (rest % 2 === 1) shift = multiply(square, shift);
    square = multiply(square, square);
  }
  return (multiply(shift, first) ^ second) >>> 0;
}

/** x^8 in the field. */
function byteShift(): number {
  return ONE >>> 8;
}

/** Product of two polynomials over GF(2), modulo CRC-32's. */
function multiply(a: number, b: number): number {
  let product = 0;
  for (let bit = ONE; bit !== 0; bit >>>= 1) {
    if (a & bit) product ^= b;
    b = b & 1 ? (b >>> 1) ^ POLYNOMIAL : b >>> 1;
  }
  return product >>> 0;
}
