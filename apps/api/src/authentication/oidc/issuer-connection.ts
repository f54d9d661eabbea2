import type { IncomingMessage } from 'node:http';
import { Agent, request } from 'node:https';
import { boundedAnswer } from '../../codec/bounded-answer.js';
import { goText } from '../../webhook-client/call-error.js';

/** No discovery document and no key set is that long. */
const LARGEST_ANSWER = 1024 * 1024;
const TIMEOUT_MS = 30_000;
const MOST_REDIRECTS = 10;
const REDIRECTS = [301, 302, 303, 307, 308];

/** Reads documents of one issuer over HTTPS. */
export class IssuerConnection {
  private readonly agent: Agent;

  /** @param certificateAuthority - PEM; '': the roots that Node comes with. */
  constructor(
    certificateAuthority: string,
    private readonly signal: AbortSignal,
    private readonly timeoutMs = TIMEOUT_MS,
  ) {
    this.agent = new Agent({ ca: certificateAuthority || undefined, keepAlive: false });
  }

  /** The object at a URL, and its text. Rejects with what is wrong. Redirects are followed, to HTTPS only. */
  async readObject(url: string): Promise<{ value: Readonly<Record<string, unknown>>; text: string }> {
    const time = AbortSignal.any([this.signal, AbortSignal.timeout(this.timeoutMs)]);
    let at = url;
    for (let redirects = 0; ; redirects += 1) {
      const answer = await this.get(at, time);
      const { statusCode = 0, headers } = answer;
      if (REDIRECTS.includes(statusCode) && headers.location) {
        answer.destroy();
        if (redirects === MOST_REDIRECTS) throw new Error(`Get ${JSON.stringify(url)}: stopped after 10 redirects`);
        at = redirected(at, headers.location);
        continue;
      }
      const text = await boundedAnswer(answer, `the answer of ${at}`, LARGEST_ANSWER);
      if (statusCode !== 200) throw new Error(`${statusCode} ${answer.statusMessage ?? ''}: ${text.slice(0, 256)}`);
      return { value: objectOf(text, headers['content-type'] ?? ''), text };
    }
  }

  private get(url: string, signal: AbortSignal): Promise<IncomingMessage> {
    return new Promise((resolve, reject) => {
      const outgoing = request(url, { agent: this.agent, signal, headers: { accept: 'application/json' } });
      outgoing.once('response', resolve);
      outgoing.once('error', (error: Error) => {
        const why = signal.aborted ? 'context deadline exceeded' : goText(error);
        reject(new Error(`Get ${JSON.stringify(url)}: ${why}`));
      });
      outgoing.end();
    });
  }
}

function redirected(from: string, location: string): string {
  const to = URL.canParse(location, from) ? new URL(location, from) : undefined;
  if (to?.protocol !== 'https:') throw new Error(`Get ${JSON.stringify(from)}: redirected to what is no HTTPS address`);
  return to.href;
}

function objectOf(text: string, type: string): Readonly<Record<string, unknown>> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new Error(
      `expected Content-Type = application/json, got ${JSON.stringify(type)}: ${(error as Error).message}`,
    );
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new Error('must be a JSON object');
  return value as Record<string, unknown>;
}
