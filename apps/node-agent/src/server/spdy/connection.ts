import type { Duplex } from 'node:stream';
import {
  dataHeader,
  type Frame,
  FrameDecoder,
  goAwayFrame,
  MAX_FRAME,
  pingFrame,
  ResetCode,
  resetFrame,
  synReplyFrame,
  synStreamFrame,
} from './frames.js';
import { HeaderReader, HeaderWriter, type SpdyHeaders } from './header-block.js';
import { SpdyStream, type StreamSink } from './stream.js';

export interface SpdyConnectionOptions {
  role: 'client' | 'server';
  /** Streams that the peer opens are refused without it. */
  onStream?: (stream: SpdyStream) => void;
}

interface Waiting {
  resolve: () => void;
  reject: (error: Error) => void;
}

/** How long the peer may take to accept a stream; milliseconds. */
const REPLY_TIMEOUT = 30_000;
/** How long it may take to close in good order; milliseconds. */
const CLOSE_GRACE = 5000;

/**
 * SPDY/3.1 as Kubernetes' Go library speaks it: no flow-control windows (neither side sends or heeds WINDOW_UPDATE), so a
 * slow reader of one stream holds the connection up through TCP.
 */
export class SpdyConnection implements StreamSink {
  private readonly streams = new Map<number, SpdyStream>();
  private readonly replies = new Map<number, Waiting>();
  private readonly headerReader = new HeaderReader();
  private readonly headerWriter = new HeaderWriter();
  private nextId: number;
  private lastPeerId = 0;
  private ended = false;
  /** Resolves when the connection is over, in whatever way. */
  readonly closed: Promise<void>;

  constructor(
    private readonly socket: Duplex,
    private readonly options: SpdyConnectionOptions,
  ) {
    this.nextId = options.role === 'client' ? 1 : 2;
    socket.on('error', () => {});
    this.closed = this.run();
  }

  /** Opens a stream and waits until the peer accepted it: data that comes before that is dropped by Go's library. */
  async openStream(headers: SpdyHeaders): Promise<SpdyStream> {
    if (this.ended) throw new Error('spdy: the connection is closed');
    const id = this.nextId;
    this.nextId += 2;
    const stream = new SpdyStream(id, headers, this);
    this.streams.set(id, stream);
    let timer: NodeJS.Timeout | undefined;
    try {
      await new Promise<void>((resolve, reject) => {
        this.replies.set(id, { resolve, reject });
        timer = setTimeout(() => reject(new Error('spdy: timed out waiting for stream reply')), REPLY_TIMEOUT);
        this.socket.write(synStreamFrame(id, this.headerWriter.encode(headers)));
      });
    } finally {
      clearTimeout(timer);
      this.replies.delete(id);
    }
    return stream;
  }

  sendData(streamId: number, data: Buffer, fin: boolean, done: (error?: Error | null) => void): void {
    if (this.ended) {
      done();
      return;
    }
    this.socket.cork();
    let at = 0;
    for (; data.length - at > MAX_FRAME; at += MAX_FRAME) {
      this.socket.write(dataHeader(streamId, MAX_FRAME));
      this.socket.write(data.subarray(at, at + MAX_FRAME));
    }
    const rest = data.subarray(at);
    const header = dataHeader(streamId, rest.length, fin);
    // A broken connection shows in `closed`; the stream itself has nothing to report.
    if (rest.length === 0) this.socket.write(header, () => done());
    else {
      this.socket.write(header);
      this.socket.write(rest, () => done());
    }
    process.nextTick(() => this.socket.uncork());
    const stream = this.streams.get(streamId);
    if (stream) this.forgetFinished(stream);
  }

  cancel(streamId: number): void {
    this.streams.delete(streamId);
    if (!this.ended) this.socket.write(resetFrame(streamId, ResetCode.Cancel));
  }

  /** Says goodbye and ends the connection. */
  close(): void {
    if (!this.ended) this.socket.write(goAwayFrame(this.lastPeerId));
    this.end(undefined);
    if (this.socket.destroyed) return;
    // A peer that reads no more would never let the last bytes out.
    const timer = setTimeout(() => this.socket.destroy(), CLOSE_GRACE);
    this.socket.once('close', () => clearTimeout(timer));
    this.socket.end(() => this.socket.destroy());
  }

  private async run(): Promise<void> {
    const decoder = new FrameDecoder();
    let failure: Error | undefined;
    try {
      for await (const chunk of this.socket) {
        for (const frame of decoder.push(chunk)) await this.handle(frame);
      }
    } catch (error) {
      failure = error instanceof Error ? error : new Error(String(error));
    }
    this.end(failure);
    this.socket.destroy();
  }

  private end(failure: Error | undefined): void {
    if (this.ended) return;
    this.ended = true;
    const error = failure ?? new Error('spdy: the connection is closed');
    for (const { reject } of this.replies.values()) reject(error);
    for (const stream of this.streams.values()) stream.receiveReset();
    this.streams.clear();
    this.headerReader.close();
  }

  private async handle(frame: Frame): Promise<void> {
    switch (frame.kind) {
      case 'data': {
        const stream = this.streams.get(frame.streamId);
        if (!stream) return;
        await stream.receive(frame.data);
        if (frame.fin) this.remoteEnd(stream);
        return;
      }
      case 'synStream':
        return this.accept(frame.streamId, await this.headerReader.decode(frame.block), frame.fin);
      case 'synReply':
      case 'headers': {
        // Decoded in any case: the blocks of a connection are one compressed stream.
        await this.headerReader.decode(frame.block);
        if (frame.kind === 'synReply') this.replies.get(frame.streamId)?.resolve();
        const stream = this.streams.get(frame.streamId);
        if (stream && frame.fin) this.remoteEnd(stream);
        return;
      }
      case 'reset':
        this.replies.get(frame.streamId)?.reject(new Error(`spdy: stream refused (status ${frame.code})`));
        this.streams.get(frame.streamId)?.receiveReset();
        this.streams.delete(frame.streamId);
        return;
      case 'ping':
        // Ours are odd for a client, even for a server; the peer's are sent back.
        if ((frame.id & 1) !== (this.options.role === 'client' ? 1 : 0)) this.socket.write(pingFrame(frame.id));
        return;
      case 'goAway':
      case 'other':
        // After GOAWAY streams under way still finish; the peer then closes the connection.
        return;
    }
  }

  private accept(id: number, headers: SpdyHeaders, fin: boolean): void {
    this.lastPeerId = id;
    const { onStream } = this.options;
    if (!onStream) {
      this.socket.write(resetFrame(id, ResetCode.RefusedStream));
      return;
    }
    const stream = new SpdyStream(id, headers, this);
    this.streams.set(id, stream);
    this.socket.write(synReplyFrame(id, this.headerWriter.encode({})));
    onStream(stream);
    if (fin) this.remoteEnd(stream);
  }

  private remoteEnd(stream: SpdyStream): void {
    stream.receiveEnd();
    this.forgetFinished(stream);
  }

  private forgetFinished(stream: SpdyStream): void {
    if (stream.finished) this.streams.delete(stream.id);
  }
}
