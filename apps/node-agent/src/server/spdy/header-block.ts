import { constants, createInflate } from 'node:zlib';
import { setOwn } from '#apimachinery';
import { HEADER_DICTIONARY, HEADER_DICTIONARY_ID } from './dictionary.js';

/** Names are lower case. More than one value of a name is joined by NUL on the wire. */
export type SpdyHeaders = Record<string, string>;

const MAX_STORED = 0xffff;
/** What one block may grow to; a header of ours is some hundred bytes. */
const MAX_BLOCK = 1 << 20;

function encodePairs(headers: SpdyHeaders): Buffer {
  const parts: Buffer[] = [];
  const number = (value: number) => {
    const bytes = Buffer.alloc(4);
    bytes.writeUInt32BE(value);
    parts.push(bytes);
  };
  const entries = Object.entries(headers);
  number(entries.length);
  for (const pair of entries) {
    for (const [index, text] of pair.entries()) {
      const bytes = Buffer.from(index === 0 ? text.toLowerCase() : text);
      number(bytes.length);
      parts.push(bytes);
    }
  }
  return Buffer.concat(parts);
}

function decodePairs(block: Buffer): SpdyHeaders {
  const headers: SpdyHeaders = {};
  let at = 0;
  const number = () => {
    if (at + 4 > block.length) throw new Error('spdy: header block ends early');
    at += 4;
    return block.readUInt32BE(at - 4);
  };
  const text = () => {
    const length = number();
    if (at + length > block.length) throw new Error('spdy: header block ends early');
    at += length;
    return block.toString('utf8', at - length, at);
  };
  for (let count = number(); count > 0; count--) {
    const name = text().toLowerCase();
    setOwn(headers, name, text());
  }
  return headers;
}

/**
 * Writes header blocks as one zlib stream of stored blocks. Headers here are few and short, so compressing them gains
 * nothing, and storing needs neither state nor the asynchronous zlib. An empty block ends each piece, which is what makes
 * the reader give out all it has (the same bytes as a sync flush).
 */
export class HeaderWriter {
  private started = false;

  encode(headers: SpdyHeaders): Buffer {
    const parts: Buffer[] = [];
    if (!this.started) {
      this.started = true;
      // Deflate with a 32 KiB window, a preset dictionary follows.
      const preamble = Buffer.from([0x78, 0x20, 0, 0, 0, 0]);
      preamble.writeUInt32BE(HEADER_DICTIONARY_ID, 2);
      parts.push(preamble);
    }
    const content = encodePairs(headers);
    for (let at = 0; at < content.length; at += MAX_STORED) {
      parts.push(...storedBlock(content.subarray(at, at + MAX_STORED)));
    }
    parts.push(...storedBlock(Buffer.alloc(0)));
    return Buffer.concat(parts);
  }
}

function storedBlock(content: Buffer): Buffer[] {
  const header = Buffer.alloc(5);
  header.writeUInt16LE(content.length, 1);
  header.writeUInt16LE(content.length ^ 0xffff, 3);
  return [header, content];
}

/** Reads the header blocks of one direction of a connection, in order: they share one zlib stream. */
export class HeaderReader {
  private readonly inflate = createInflate({ dictionary: HEADER_DICTIONARY, finishFlush: constants.Z_SYNC_FLUSH });
  private pieces: Buffer[] = [];
  private size = 0;
  private failure: Error | undefined;
  private onFailure: ((error: Error) => void) | undefined;

  constructor() {
    this.inflate.on('data', (piece: Buffer) => {
      this.size += piece.length;
      if (this.size > MAX_BLOCK) this.inflate.destroy(new Error('spdy: header block is too large'));
      else this.pieces.push(piece);
    });
    this.inflate.on('error', (error: Error) => {
      this.failure = error;
      this.onFailure?.(error);
    });
  }

  async decode(block: Buffer): Promise<SpdyHeaders> {
    if (this.failure) throw this.failure;
    this.pieces = [];
    this.size = 0;
    await new Promise<void>((resolve, reject) => {
      this.onFailure = reject;
      // All that came of the block has been emitted when the write is done.
      this.inflate.write(block, () => resolve());
    });
    if (this.failure) throw this.failure;
    return decodePairs(Buffer.concat(this.pieces));
  }

  close(): void {
    this.inflate.destroy();
  }
}
