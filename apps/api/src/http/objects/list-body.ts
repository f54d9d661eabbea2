import type { CachedObject } from '../../storage/store.js';

/** A piece of a list ends at the latest when it has this many bytes: one big Buffer would hold the event loop. */
const PIECE_BYTES = 512 * 1024;

/** One object of this many, on average, is the first of a piece. */
const PIECE_OBJECTS = 64;

/** Bytes of objects that are converted before others have a turn: some milliseconds. */
export const CONVERTED_AT_A_TIME: number = 256 * 1024;

/** Some consecutive objects of a list. Two pieces with the same key are the same bytes. */
export interface ListPiece {
  readonly key: string;
  /** Bytes of the objects and of what separates them. */
  readonly length: number;
  /** The same, in as many parts as it consists of. */
  readonly parts: readonly Buffer[];
  render(): Buffer;
}

/** What is around the objects of a list, and between them. */
export interface ListFrame {
  readonly head: Buffer;
  readonly separator: Buffer;
  readonly tail: Buffer;
}

/** A list's bytes, put together piece by piece while they are sent. */
export interface ListBody extends ListFrame {
  readonly pieces: readonly ListPiece[];
  /** Of all of it, with what separates the pieces. */
  readonly length: number;
}

/** A list in JSON, from its beginning on. */
export function jsonFrame(head: string): ListFrame {
  return { head: Buffer.from(head), separator: Buffer.from(','), tail: Buffer.from(']}') };
}

/**
 * Cuts a list where its objects say (by their uids), not by counting: a list that differs in a few objects, or is another
 * selection's neighbour, has most of its pieces in common with what was sent before. `type` tells apart what the same objects
 * are served as.
 */
export function listBody(
  { head, separator, tail }: ListFrame,
  type: string,
  items: readonly CachedObject[],
  bytesOf: (item: CachedObject) => Buffer,
): ListBody {
  const pieces: ListPiece[] = [];
  let length = head.length + tail.length;
  let parts: Buffer[] = [];
  let size = 0;
  let key = '';
  const cut = () => {
    pieces.push(new RenderedPiece(`${type}${key}`, size, parts));
    length += size;
    parts = [];
    size = 0;
    key = '';
  };
  for (const item of items) {
    if (parts.length > 0 && (size >= PIECE_BYTES || beginsPiece(item))) cut();
    if (parts.length > 0) {
      parts.push(separator);
      size += separator.length;
    }
    const bytes = bytesOf(item);
    parts.push(bytes);
    size += bytes.length;
    // A revision is given out once: it names the object's state.
    key += ` ${item.revision}`;
  }
  if (parts.length > 0) cut();
  if (pieces.length > 1) length += separator.length * (pieces.length - 1);
  return { head, separator, pieces, tail, length };
}

/** All of it as one Buffer: for lists that are small. */
export function wholeList({ head, separator, pieces, tail, length }: ListBody): Buffer {
  const parts = [head];
  for (const [i, piece] of pieces.entries()) {
    if (i > 0) parts.push(separator);
    for (const part of piece.parts) parts.push(part);
  }
  parts.push(tail);
  return Buffer.concat(parts, length);
}

class RenderedPiece implements ListPiece {
  constructor(
    readonly key: string,
    readonly length: number,
    readonly parts: readonly Buffer[],
  ) {}

  render(): Buffer {
    return Buffer.concat(this.parts as Buffer[], this.length);
  }
}

/** By the last digits of its uid, which are random and never change. */
function beginsPiece({ uid }: CachedObject): boolean {
  return Number.parseInt(uid.slice(-4), 16) % PIECE_OBJECTS === 0;
}
