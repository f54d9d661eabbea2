import type { Finding } from './prober.js';

const LONGEST = 3000;

/** A finding with everything that it takes to see it again. */
export function findingText({ seed, kind, what, request, answer }: Finding): string {
  const { method = 'GET', path, headers, body } = request;
  const sent = Buffer.isBuffer(body)
    ? shownBytes(body)
    : typeof body === 'object'
      ? JSON.stringify(body)
      : (body ?? '');
  return [
    `FAIL ${kind}: ${what}`,
    `     ${method} ${short(path, 600)}${headers ? ` ${JSON.stringify(headers)}` : ''}`,
    ...(sent === '' ? [] : [`     ${short(sent)}`]),
    `     ${answer.code} ${short(answer.text.trim(), 1200)}`,
    `     again: npm run fuzz -- --seed ${seed} --rounds 1 ${kind}`,
  ].join('\n');
}

/** Text where the bytes are some, else base64. */
function shownBytes(bytes: Buffer): string {
  const text = bytes.toString();
  return Buffer.from(text).equals(bytes) ? text : `base64:${bytes.toString('base64')}`;
}

function short(text: string, length = LONGEST): string {
  return text.length <= length ? text : `${text.slice(0, length)}... (${text.length} characters)`;
}
