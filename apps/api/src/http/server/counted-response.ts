import type { IncomingMessage } from 'node:http';
import { ServerResponse } from 'node:http';

/** A response that knows how many bytes of a body it was given. */
export class CountedResponse<R extends IncomingMessage = IncomingMessage> extends ServerResponse<R> {
  bodyBytes = 0;

  override write(chunk: any, ...more: any[]): boolean {
    this.bodyBytes += sizeOf(chunk);
    return super.write(chunk, ...(more as []));
  }

  override end(chunk?: any, ...more: any[]): this {
    this.bodyBytes += sizeOf(chunk);
    return super.end(chunk, ...(more as []));
  }
}

function sizeOf(chunk: unknown): number {
  if (typeof chunk === 'string') return Buffer.byteLength(chunk);
  return chunk instanceof Uint8Array ? chunk.length : 0;
}
