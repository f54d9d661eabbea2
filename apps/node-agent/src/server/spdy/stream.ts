import { Duplex } from 'node:stream';
import type { SpdyHeaders } from './header-block.js';

/** What a stream asks of its connection. */
export interface StreamSink {
  sendData(streamId: number, data: Buffer, fin: boolean, done: (error?: Error | null) => void): void;
  cancel(streamId: number): void;
}

/**
 * One stream of a connection. Ends as soon as the peer finishes or resets it: in the dialect of Kubernetes, a reset is how
 * a server closes streams in good order, so what came before it still counts.
 */
export class SpdyStream extends Duplex {
  private room: (() => void) | undefined;
  private remoteEnded = false;
  private localEnded = false;

  constructor(
    readonly id: number,
    /** As the side that opened the stream gave them. */
    readonly headers: SpdyHeaders,
    private readonly sink: StreamSink,
  ) {
    super({ allowHalfOpen: true, autoDestroy: false });
    // A stream that nobody writes to anymore must not fail the process.
    this.on('error', () => {});
  }

  get finished(): boolean {
    return this.localEnded && this.remoteEnded;
  }

  override _read(): void {
    const room = this.room;
    this.room = undefined;
    room?.();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    // As a broken pipe: what the peer does not want any more is dropped.
    if (this.localEnded) done();
    else this.sink.sendData(this.id, chunk, false, done);
  }

  override _final(done: (error?: Error | null) => void): void {
    if (this.localEnded) done();
    else {
      this.localEnded = true;
      this.sink.sendData(this.id, Buffer.alloc(0), true, done);
    }
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    if (!this.finished) this.sink.cancel(this.id);
    this.localEnded = this.remoteEnded = true;
    this._read();
    done(error);
  }

  /** Data from the peer; the promise, if any, resolves when there is room for more. */
  receive(data: Buffer): Promise<void> | undefined {
    if (this.remoteEnded || data.length === 0) return undefined;
    if (this.push(data)) return undefined;
    return new Promise((resolve) => {
      this.room = resolve;
    });
  }

  /** The peer sends no more. */
  receiveEnd(): void {
    if (this.remoteEnded) return;
    this.remoteEnded = true;
    this.push(null);
  }

  /** The peer, or the connection, is done with both directions. */
  receiveReset(): void {
    this.localEnded = true;
    this.receiveEnd();
  }
}
