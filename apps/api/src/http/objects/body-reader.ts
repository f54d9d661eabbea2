import type { IncomingMessage } from 'node:http';
import { badRequest, requestEntityTooLarge } from '#apimachinery';

/** The reference's limit, which etcd gave it: objects are far smaller. */
export const MAX_BODY_BYTES = 3 * 1024 * 1024;

/** Reads a whole body. Throws 413 beyond the limit; whoever answers throws the rest away. */
export function readBody(request: IncomingMessage): Promise<Buffer> {
  const declared = Number(request.headers['content-length'] ?? 0);
  if (declared > MAX_BODY_BYTES) return Promise.reject(tooLarge());
  return new Promise((resolve, reject) => {
    const parts: Buffer[] = [];
    let size = 0;
    // Every request closes: an error is made only for those that did so too early.
    const broken = () => {
      if (!request.readableEnded) reject(badRequest('the request body could not be read'));
    };
    request.on('data', (part: Buffer) => {
      size += part.length;
      if (size > MAX_BODY_BYTES) {
        request.removeAllListeners('data');
        parts.length = 0;
        reject(tooLarge());
        return;
      }
      parts.push(part);
    });
    request.on('end', () => resolve(parts.length === 1 ? parts[0]! : Buffer.concat(parts)));
    request.on('error', broken);
    request.on('close', broken);
  });
}

function tooLarge(): Error {
  return requestEntityTooLarge(`limit is ${MAX_BODY_BYTES}`);
}
