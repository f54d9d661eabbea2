/** SPDY/3.1 frames as bytes. Header blocks stay compressed here: inflating them needs the connection's state. */

export const FrameType = {
  SynStream: 1,
  SynReply: 2,
  RstStream: 3,
  Settings: 4,
  Ping: 6,
  GoAway: 7,
  Headers: 8,
  WindowUpdate: 9,
} as const;

export const ResetCode = {
  ProtocolError: 1,
  InvalidStream: 2,
  RefusedStream: 3,
  Cancel: 5,
  InternalError: 6,
} as const;

const VERSION = 3;
const FIN = 0x01;
const HEADER_LENGTH = 8;
const STREAM_ID = 0x7fffffff;
/** What the 24-bit length of a frame can say. */
export const MAX_FRAME = 0xffffff;

export type Frame =
  | { kind: 'data'; streamId: number; fin: boolean; data: Buffer }
  | { kind: 'synStream'; streamId: number; fin: boolean; block: Buffer }
  | { kind: 'synReply' | 'headers'; streamId: number; fin: boolean; block: Buffer }
  | { kind: 'reset'; streamId: number; code: number }
  | { kind: 'ping'; id: number }
  | { kind: 'goAway'; lastStreamId: number; code: number }
  /** SETTINGS, WINDOW_UPDATE and what is unknown: read over. */
  | { kind: 'other'; type: number };

/** Cuts a byte stream into frames. Throws on what is not SPDY/3. */
export class FrameDecoder {
  private chunks: Buffer[] = [];
  private length = 0;

  *push(chunk: Buffer): Generator<Frame> {
    this.chunks.push(chunk);
    this.length += chunk.length;
    for (;;) {
      if (this.length < HEADER_LENGTH) return;
      if (this.chunks[0]!.length < HEADER_LENGTH) this.join();
      const size = HEADER_LENGTH + this.chunks[0]!.readUIntBE(5, 3);
      if (this.length < size) return;
      if (this.chunks[0]!.length < size) this.join();
      const buffer = this.chunks[0]!;
      this.chunks[0] = buffer.subarray(size);
      this.length -= size;
      yield parseFrame(buffer.subarray(0, size));
    }
  }

  private join(): void {
    this.chunks = [Buffer.concat(this.chunks)];
  }
}

function parseFrame(frame: Buffer): Frame {
  const fin = (frame[4]! & FIN) !== 0;
  const payload = frame.subarray(HEADER_LENGTH);
  const first = frame.readUInt32BE(0);
  if ((first & 0x80000000) === 0) return { kind: 'data', streamId: first, fin, data: payload };
  const version = (first >>> 16) & 0x7fff;
  if (version !== VERSION) throw new Error(`spdy: unsupported version ${version}`);
  const type = first & 0xffff;
  const word = (index: number) => {
    if (payload.length < index * 4 + 4) throw new Error(`spdy: frame of type ${type} is too short`);
    return payload.readUInt32BE(index * 4);
  };
  switch (type) {
    case FrameType.SynStream:
      if (payload.length < 10) throw new Error('spdy: frame of type 1 is too short');
      return { kind: 'synStream', streamId: word(0) & STREAM_ID, fin, block: payload.subarray(10) };
    case FrameType.SynReply:
      return { kind: 'synReply', streamId: word(0) & STREAM_ID, fin, block: payload.subarray(4) };
    case FrameType.Headers:
      return { kind: 'headers', streamId: word(0) & STREAM_ID, fin, block: payload.subarray(4) };
    case FrameType.RstStream:
      return { kind: 'reset', streamId: word(0) & STREAM_ID, code: word(1) };
    case FrameType.Ping:
      return { kind: 'ping', id: word(0) };
    case FrameType.GoAway:
      return { kind: 'goAway', lastStreamId: word(0) & STREAM_ID, code: word(1) };
    default:
      return { kind: 'other', type };
  }
}

function control(type: number, flags: number, ...payload: (number | Buffer)[]): Buffer {
  const body = Buffer.concat(payload.map((part) => (typeof part === 'number' ? word32(part) : part)));
  if (body.length > MAX_FRAME) throw new Error('spdy: frame is too large');
  const header = Buffer.alloc(HEADER_LENGTH);
  header.writeUInt16BE(0x8000 | VERSION, 0);
  header.writeUInt16BE(type, 2);
  header[4] = flags;
  header.writeUIntBE(body.length, 5, 3);
  return Buffer.concat([header, body]);
}

function word32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

/** Priority 0, no associated stream, no credential slot. */
export function synStreamFrame(streamId: number, block: Buffer, fin = false): Buffer {
  return control(FrameType.SynStream, fin ? FIN : 0, streamId, 0, Buffer.alloc(2), block);
}

export function synReplyFrame(streamId: number, block: Buffer, fin = false): Buffer {
  return control(FrameType.SynReply, fin ? FIN : 0, streamId, block);
}

export function resetFrame(streamId: number, code: number): Buffer {
  return control(FrameType.RstStream, 0, streamId, code);
}

export function pingFrame(id: number): Buffer {
  return control(FrameType.Ping, 0, id);
}

export function goAwayFrame(lastStreamId: number, code = 0): Buffer {
  return control(FrameType.GoAway, 0, lastStreamId, code);
}

/** The header only; `length` bytes of data follow it on the wire. */
export function dataHeader(streamId: number, length: number, fin = false): Buffer {
  const header = Buffer.alloc(HEADER_LENGTH);
  header.writeUInt32BE(streamId, 0);
  header[4] = fin ? FIN : 0;
  header.writeUIntBE(length, 5, 3);
  return header;
}
