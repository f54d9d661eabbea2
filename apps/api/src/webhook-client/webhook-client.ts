import type { IncomingMessage } from 'node:http';
import { request } from 'node:https';
import { isIP } from 'node:net';
import { posix } from 'node:path';
import { createSecureContext } from 'node:tls';
import { decodeJson, JsonSyntaxError } from '#apimachinery';
import { AnswerTooLarge, boundedBytes } from '../codec/bounded-answer.js';
import type { Lister } from '../storage/lister.js';
import { answerError, goText, hostPort, WebhookCallError } from './call-error.js';
import { CallSlots } from './call-slots.js';
import { CallTime } from './call-time.js';
import type { CertificateMetrics } from './certificate-metrics.js';
import { type Endpoint, serviceEndpoint } from './service-endpoint.js';
import { WebhookAgent, type WebhookNetwork } from './webhook-agent.js';

/** `clientConfig` of webhook configurations and of custom resource definitions. */
export interface WebhookClientConfig {
  /** https, with a host and perhaps a path. */
  url?: string | null;
  service?: WebhookService | null;
  /** PEM in base64; absent: the roots that Node comes with. */
  caBundle?: string | null;
}

export interface WebhookService {
  namespace: string;
  name: string;
  path?: string | null;
  /** Default 443. */
  port?: number | null;
}

export interface WebhookCallOptions {
  /** Of the request that is waiting for the call. */
  signal: AbortSignal;
  timeoutSeconds: number;
  /** Bytes of an answer; by default `LARGEST_ANSWER`. */
  largestAnswer?: number;
}

/** Enough for a list of objects that is converted at once. */
const LARGEST_ANSWER = 64 * 1024 * 1024;
const HTTPS_PORT = 443;
/** Calls to one host that are under way at a time; more of them wait, within their own timeouts. */
const CALLS_OF_HOST = 256;
/** A connection that the server closed while it was idle is noticed when a call is sent: the call goes out again. */
const ATTEMPTS = 3;
const USER_AGENT = 'kube-apiserver-admission';

/** Whom a call goes to. */
interface Target {
  host: string;
  port: number;
  /** As errors show it, and as the Host header says it. */
  authority: string;
  path: string;
  servername: string;
  ca: string | undefined;
  endpoint?: () => Endpoint;
}

/**
 * Calls webhooks over HTTPS: by URL, or by Service through one of its endpoints, whose certificate has to be for
 * `<name>.<namespace>.svc`. Connections serve the calls that follow. Redirects are errors. It uses Node's own client: an agent is all
 * that is needed to connect through the network of proxied requests.
 */
export class WebhookClient {
  private readonly agent: WebhookAgent;
  /** The agent counts connections that are made, and not those that are being made. */
  private readonly slots = new CallSlots(CALLS_OF_HOST);
  /** A configuration is read once: bundles take a while. */
  private readonly targets = new WeakMap<WebhookClientConfig, Target>();

  constructor(
    private readonly lister: Lister,
    network: WebhookNetwork,
    private readonly certificates: CertificateMetrics,
  ) {
    this.agent = new WebhookAgent(network);
  }

  /**
   * POSTs `body` as JSON and gives the JSON of the answer. Rejects with WebhookCallError: no connection, no time left, a code that is no
   * success, no JSON, too long an answer.
   */
  async call(config: WebhookClientConfig, body: unknown, options: WebhookCallOptions): Promise<unknown> {
    let target = this.targets.get(config);
    if (target === undefined) {
      target = this.read(config);
      this.targets.set(config, target);
    }
    const bytes = Buffer.from(JSON.stringify(body));
    const time = new CallTime(options.signal, options.timeoutSeconds);
    const key = hostPort(target.host, target.port);
    try {
      const taking = this.slots.take(key, time.signal);
      if (!(typeof taking === 'boolean' ? taking : await taking)) throw outOfTime(target, options, time);
      try {
        return await this.exchange(target, bytes, options, time);
      } finally {
        this.slots.giveBack(key);
      }
    } finally {
      time.end();
    }
  }

  /** Ends the connections that serve nobody, and those that do. */
  close(): void {
    this.agent.destroy();
  }

  private async exchange(target: Target, bytes: Buffer, options: WebhookCallOptions, time: CallTime): Promise<unknown> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await exchange(this.agent, target, bytes, options, time, this.certificates);
      } catch (error) {
        if (!(error instanceof StaleConnection)) throw error;
        if (attempt === ATTEMPTS) throw error.failure;
      }
    }
  }

  private read({ url, service, caBundle }: WebhookClientConfig): Target {
    const ca = caBundle ? authorityOf(caBundle) : undefined;
    if (service) {
      const { namespace, name } = service;
      const port = service.port || HTTPS_PORT;
      const host = `${name}.${namespace}.svc`;
      return {
        ...{ host, port, ca, servername: host, authority: `${host}:${port}`, path: cleanPath(service.path ?? '') },
        endpoint: () => serviceEndpoint(this.lister, { namespace, name, port }),
      };
    }
    if (!url) throw new WebhookCallError('webhook configuration must have either service or URL');
    return { ...targetOfUrl(url), ca };
  }
}

/** PEM of a bundle. Throws when there is no certificate in it that can be read. */
function authorityOf(caBundle: string): string {
  const ca = Buffer.from(caBundle, 'base64').toString();
  try {
    if (!ca.includes('-----BEGIN CERTIFICATE-----')) throw new Error('no certificate');
    createSecureContext({ ca });
  } catch {
    throw new WebhookCallError('unable to load root certificates: unable to parse bytes as PEM block');
  }
  return ca;
}

function targetOfUrl(url: string): Omit<Target, 'ca'> {
  let parsed: URL;
  try {
    parsed = new URL(url);
  } catch {
    throw new WebhookCallError(`Unparsable URL: parse ${JSON.stringify(url)}: invalid URL`);
  }
  const host = parsed.hostname.replace(/^\[|\]$/g, '');
  const port = parsed.port === '' ? HTTPS_PORT : Number(parsed.port);
  const authority = parsed.port === '' ? parsed.host : hostPort(host, port);
  return { host, port, authority, servername: isIP(host) ? '' : host, path: cleanPath(parsed.pathname) };
}

/** As client-go joins paths: with a slash at the head and none at the end. */
function cleanPath(path: string): string {
  const clean = posix.join('/', path);
  return clean.length > 1 && clean.endsWith('/') ? clean.slice(0, -1) : clean;
}

/** The connection was one that had been idle, and is closed. */
class StaleConnection extends Error {
  constructor(readonly failure: WebhookCallError) {
    super(failure.message);
  }
}

function pathOf(target: Target, { timeoutSeconds }: WebhookCallOptions): string {
  return `${target.path}?timeout=${timeoutSeconds}s`;
}

function posted(target: Target, options: WebhookCallOptions, what: string): string {
  return `Post ${JSON.stringify(`https://${target.authority}${pathOf(target, options)}`)}: ${what}`;
}

function outOfTime(target: Target, options: WebhookCallOptions, time: CallTime): WebhookCallError {
  return new WebhookCallError(posted(target, options, time.why), undefined, time.isCanceled);
}

function exchange(
  agent: WebhookAgent,
  target: Target,
  bytes: Buffer,
  options: WebhookCallOptions,
  time: CallTime,
  certificates: CertificateMetrics,
): Promise<unknown> {
  const { largestAnswer = LARGEST_ANSWER } = options;
  const { signal } = time;
  return new Promise((resolve, reject) => {
    if (signal.aborted) {
      reject(outOfTime(target, options, time));
      return;
    }
    const headers = {
      ...{ Host: target.authority, 'User-Agent': USER_AGENT, Accept: 'application/json, */*' },
      ...{ 'Content-Type': 'application/json', 'Content-Length': bytes.length },
    };
    const path = pathOf(target, options);
    const outgoing = request({ ...target, agent, path, method: 'POST', headers, callSignal: signal } as object);
    let answering = false;
    const settle = () => signal.removeEventListener('abort', late);
    const fail = (error: Error) => {
      settle();
      outgoing.destroy();
      reject(error);
    };
    const late = () => fail(outOfTime(target, options, time));
    signal.addEventListener('abort', late, { once: true });
    outgoing.on('error', (error: Error & { code?: string }) => {
      if (answering) return;
      certificates.count(error);
      const failure = new WebhookCallError(posted(target, options, goText(error)));
      const isStale = outgoing.reusedSocket && (error.code === 'ECONNRESET' || error.code === 'EPIPE');
      fail(isStale ? new StaleConnection(failure) : failure);
    });
    outgoing.on('response', (answer) => {
      answering = true;
      readAnswer(answer, largestAnswer).then((value) => {
        settle();
        resolve(value);
      }, fail);
    });
    outgoing.end(bytes);
  });
}

async function readAnswer(answer: IncomingMessage, largest: number): Promise<unknown> {
  const body = await boundedBytes(answer, "the webhook's response", largest).catch((error: Error) => {
    if (error instanceof AnswerTooLarge) throw new WebhookCallError(error.message);
    throw new WebhookCallError(
      'unexpected error when reading response body. Please retry. Original error: unexpected EOF',
    );
  });
  const { statusCode = 0, headers } = answer;
  if (statusCode < 200 || statusCode > 206) {
    const type = headers['content-type'] ?? '';
    throw answerError(statusCode, body.toString(), type === '' || type.startsWith('text/'));
  }
  try {
    return decodeJson(body, false).value;
  } catch (error) {
    if (!(error instanceof JsonSyntaxError)) throw error;
    throw new WebhookCallError(`couldn't get version/kind; json parse error: ${error.message}`);
  }
}
