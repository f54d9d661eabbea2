import type { IncomingMessage } from 'node:http';

/** The text of an answer of a node. Rejects beyond so many bytes: a node in wrong hands must not fill this process. */
export async function boundedAnswer(answer: IncomingMessage, what: string, bytes: number): Promise<string> {
  const parts: Buffer[] = [];
  let size = 0;
  for await (const part of answer as AsyncIterable<Buffer>) {
    size += part.length;
    if (size > bytes) throw new Error(`${what} is larger than ${bytes} bytes`);
    parts.push(part);
  }
  return Buffer.concat(parts).toString();
}
