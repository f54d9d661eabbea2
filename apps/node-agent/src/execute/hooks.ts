import { request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Container, HttpGetAction, LifecycleHandler } from '../pod/pod-types.js';
import type { CriRuntime } from '../runtime/cri.js';

/** Answers beyond this are cut, as upstream does it for probes. */
const MAX_BODY = 10 * 1024;

export interface HookTarget {
  containerId: string;
  container: Container;
  podIP: string;
}

/** Runs a postStart or preStop handler to its end; throws with what went wrong. `seconds` limits it; 0 is no limit. */
export async function runHook(
  runtime: Pick<CriRuntime, 'execSync'>,
  handler: LifecycleHandler,
  target: HookTarget,
  seconds: number,
): Promise<void> {
  if (handler.exec) {
    const command = handler.exec.command ?? [];
    const { exitCode, stdout, stderr } = await runtime.execSync(target.containerId, command, Math.ceil(seconds));
    if (exitCode !== 0) {
      throw new Error(`command '${command.join(' ')}' exited with ${exitCode}: ${stderr}, message: "${stdout}"`);
    }
  } else if (handler.httpGet) {
    // Whatever the answer says, it was asked: kubelet does not look at it.
    await httpGet(handler.httpGet, target, 'kube-lifecycle/1.37', seconds * 1000);
  } else if (handler.tcpSocket) {
    const port = resolvePort(handler.tcpSocket.port, target.container);
    await tcpConnect(handler.tcpSocket.host || target.podIP, port, seconds > 0 ? seconds * 1000 : 30_000);
  } else if (handler.sleep) {
    const wanted = handler.sleep.seconds;
    await sleep(1000 * (seconds > 0 ? Math.min(wanted, seconds) : wanted));
  }
}

export class UnknownPort extends Error {}

/** A number, or the name of one of the container's ports. Throws UnknownPort. */
export function resolvePort(port: string | number, container: Container): number {
  if (typeof port === 'number') return port;
  if (/^\d+$/.test(port)) return Number(port);
  const found = container.ports?.find((candidate) => candidate.name === port);
  if (!found) throw new UnknownPort(`port ${JSON.stringify(port)} not found`);
  return found.containerPort;
}

export interface HttpAnswer {
  status: number;
  body: string;
}

/**
 * One request without certificate checks; redirects to the same host are followed, others count as an answer. A time of 0
 * is no limit.
 */
export function httpGet(
  action: HttpGetAction,
  target: Pick<HookTarget, 'container' | 'podIP'>,
  userAgent: string,
  timeoutMs: number,
): Promise<HttpAnswer> {
  const port = resolvePort(action.port, target.container);
  const host = action.host || target.podIP;
  const scheme = (action.scheme ?? 'HTTP').toLowerCase();
  const path = action.path ? (action.path.startsWith('/') ? action.path : `/${action.path}`) : '/';
  const url = new URL(`${scheme}://${host.includes(':') ? `[${host}]` : host}:${port}${path}`);
  const headers = new Map<string, string[]>();
  for (const { name, value } of action.httpHeaders ?? []) {
    const key = name.toLowerCase();
    headers.set(key, [...(headers.get(key) ?? []), value]);
  }
  if (!headers.has('user-agent')) headers.set('user-agent', [userAgent]);
  if (!headers.has('accept')) headers.set('accept', ['*/*']);
  if (headers.get('accept')?.join() === '') headers.delete('accept');
  const limit = timeoutMs > 0 ? AbortSignal.timeout(timeoutMs) : new AbortController().signal;
  return fetchUrl(url, Object.fromEntries(headers), limit, 10);
}

function fetchUrl(url: URL, headers: Record<string, string[]>, signal: AbortSignal, hops: number): Promise<HttpAnswer> {
  return new Promise((resolve, reject) => {
    const request = url.protocol === 'https:' ? httpsRequest : httpRequest;
    const call = request(url, { headers, agent: false, signal, rejectUnauthorized: false }, (response) => {
      const status = response.statusCode ?? 0;
      const { location } = response.headers;
      if (status >= 300 && status < 400 && location) {
        // The pod may say anything: what is no address must not throw here, where nobody would catch it.
        if (!URL.canParse(location, url.href)) {
          call.destroy();
          return reject(new Error(`Get "${url.href}": failed to parse Location header ${JSON.stringify(location)}`));
        }
        const next = new URL(location, url);
        // A redirect away from the pod proves that it answers.
        if (next.hostname === url.hostname) {
          response.resume();
          if (hops === 0) return reject(new Error(`Get "${url.href}": stopped after 10 redirects`));
          return resolve(fetchUrl(next, headers, signal, hops - 1));
        }
      }
      let body = '';
      response.setEncoding('utf8');
      response.on('data', (text: string) => {
        body += text;
        if (body.length < MAX_BODY) return;
        // Enough is known, and the rest may have no end.
        resolve({ status, body: body.slice(0, MAX_BODY) });
        call.destroy();
      });
      response.once('end', () => resolve({ status, body }));
      response.once('error', reject);
    });
    call.once('error', (error) => {
      const cause = signal.aborted
        ? 'context deadline exceeded (Client.Timeout exceeded while awaiting headers)'
        : describe(error as NodeJS.ErrnoException, url);
      reject(new Error(`Get "${url.href}": ${cause}`));
    });
    call.end();
  });
}

function describe(error: NodeJS.ErrnoException, url: URL): string {
  if (error.code === 'ECONNREFUSED') return `dial tcp ${url.hostname}:${url.port || 80}: connect: connection refused`;
  return error.message;
}

export function tcpConnect(host: string, port: number, timeoutMs: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port });
    const fail = (cause: string) => {
      socket.destroy();
      reject(new Error(`dial tcp ${host}:${port}: ${cause}`));
    };
    socket.setTimeout(timeoutMs, () => fail('i/o timeout'));
    socket.once('connect', () => {
      socket.destroy();
      resolve();
    });
    socket.once('error', (error: NodeJS.ErrnoException) => {
      fail(error.code === 'ECONNREFUSED' ? 'connect: connection refused' : error.message);
    });
  });
}
