import type { IncomingMessage } from 'node:http';

/** What an answer that is too long ends with. */
export class AnswerTooLarge extends Error {}

/**
 * The text of an answer of a node or a webhook. Rejects with AnswerTooLarge beyond so many bytes: a server in wrong hands must not fill
 * this process.
 */
export async function boundedAnswer(answer: IncomingMessage, what: string, bytes: number): Promise<string> {
  return (await boundedBytes(answer, what, bytes)).toString();
}

/** The same before it is read as text. */
export async function boundedBytes(answer: IncomingMessage, what: string, bytes: number): Promise<Buffer> {
  const parts: Buffer[] = [];
  let size = 0;
  for await (const part of answer as AsyncIterable<Buffer>) {
    size += part.length;
    if (size > bytes) throw new AnswerTooLarge(`${what} is larger than ${bytes} bytes`);
    parts.push(part);
  }
  return Buffer.concat(parts);
}
