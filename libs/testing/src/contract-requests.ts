import { agent } from 'supertest';
import type { Answer, Sent, Target } from './https-requests.js';

const METHODS = ['get', 'post', 'put', 'patch', 'delete', 'head', 'options'] as const;

function methodOf(name: string): (typeof METHODS)[number] {
  const method = METHODS.find((known) => known === name.toLowerCase());
  if (method === undefined) throw new Error(`${name}: supertest sends no such request`);
  return method;
}

/**
 * One request through supertest, and its whole answer with the bytes as they are. `call` is for what supertest would
 * change: odd forms of a path, compressed answers, bodies in chunks, an empty media type.
 */
export async function request({ url, tls }: Target, path: string, sent: Sent = {}): Promise<Answer> {
  const { method = 'GET', headers = {}, body, as = tls } = sent;
  if (sent.chunked) throw new Error('supertest sends the length of a body');
  const identity = as === 'nobody' ? {} : { cert: as.cert, key: as.key };
  const test = agent(url, { ca: tls.ca, ...identity })[methodOf(method)](path);
  // A connection of its own.
  test.agent(false as never);
  // Without it supertest asks for compressed answers.
  test.set({ 'Accept-Encoding': 'identity', ...headers });
  test.buffer(true).parse((incoming, done) => {
    const parts: Buffer[] = [];
    incoming.on('data', (part: Buffer | string) => parts.push(Buffer.from(part as string)));
    incoming.on('end', () => done(null, Buffer.concat(parts)));
  });
  if (body !== undefined) {
    if (!Object.keys(headers).some((name) => name.toLowerCase() === 'content-type')) test.type('application/json');
    const bytes = typeof body === 'string' || Buffer.isBuffer(body) ? body : JSON.stringify(body);
    // As text it would be read, and as a Buffer it would be made JSON once more.
    test.serialize((given) => given as unknown as string).send(bytes as string);
  }
  const { status, headers: answered, body: received } = await test;
  const text = Buffer.isBuffer(received) ? received : Buffer.alloc(0);
  return {
    code: status,
    headers: answered,
    body: text,
    get json() {
      return JSON.parse(text.toString());
    },
  };
}
