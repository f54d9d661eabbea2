import { request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { HTTPGetAction, LifecycleHandler } from '#kinds';
import type { Container } from '../pod/pod.js';
import type { CriRuntime } from '../runtime/cri.js';

/** Answers beyond this are cut, as upstream does it for probes. */
const MAX_BODY = 10 * 1024;
/** Node fires a longer timer at once; milliseconds. */
export const LONGEST_TIMER = 2 ** 31 - 1;

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
    await sleep(Math.min(1000 * (seconds > 0 ? Math.min(wanted, seconds) : wanted), LONGEST_TIMER));
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
  action: HTTPGetAction,
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
  const abort = new AbortController();
  const answer = fetchUrl(url, Object.fromEntries(headers), abort.signal, 10);
  if (timeoutMs <= 0) return answer;
  const late = new Error(
    `Get "${url.href}": context deadline exceeded (Client.Timeout exceeded while awaiting headers)`,
  );
  return within(answer, timeoutMs, late).finally(() => abort.abort());
}

/** Rejects with `late` when the work has not ended after that many milliseconds, whatever became of it. */
export async function within<T>(work: Promise<T>, ms: number, late: Error): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise<never>((_, reject) => {
    timer = setTimeout(reject, Math.min(ms, LONGEST_TIMER), late);
  });
  try {
    return await Promise.race([work, limit]);
  } finally {
    clearTimeout(timer);
  }
}

function fetchUrl(url: URL, headers: Record<string, string[]>, signal: AbortSignal, hops: number): Promise<HttpAnswer> {
  return new Promise((resolve, reject) => {
    const request = url.protocol === 'https:' ? httpsRequest : httpRequest;
    const fail = (cause: string) => reject(new Error(`Get "${url.href}": ${cause}`));
    const call = request(url, { headers, agent: false, signal, rejectUnauthorized: false }, (response) => {
      const status = response.statusCode ?? 0;
      const { location } = response.headers;
      if (status >= 300 && status < 400 && location) {
        // The pod may say anything: what is no address must not throw here, where nobody would catch it.
        if (!URL.canParse(location, url.href)) {
          call.destroy();
          return fail(`failed to parse Location header ${JSON.stringify(location)}`);
        }
        const next = new URL(location, url);
        // A redirect away from the pod proves that it answers.
        if (next.hostname === url.hostname) {
          // Its body is nobody's, and may have no end.
          call.destroy();
          if (hops === 0) return fail('stopped after 10 redirects');
          if (!/^https?:$/.test(next.protocol))
            return fail(`unsupported protocol scheme "${next.protocol.slice(0, -1)}"`);
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
    // Without a listener the connection is destroyed, and nothing follows.
    call.once('upgrade', (response, socket) => {
      socket.destroy();
      resolve({ status: response.statusCode ?? 0, body: '' });
    });
    call.once('error', (error) => fail(describe(error as NodeJS.ErrnoException, url)));
    // Whatever else may end a call: who waits for it is told.
    call.once('close', () => fail('EOF'));
    call.end();
  });
}

function describe(error: NodeJS.ErrnoException, url: URL): string {
  if (error.code === 'ECONNREFUSED') return `dial tcp ${url.hostname}:${url.port || 80}: connect: connection refused`;
  return error.message;
}

export function tcpConnect(host: string, port: number, timeoutMs: number): Promise<void> {
  const dial = (cause: string) => new Error(`dial tcp ${host}:${port}: ${cause}`);
  const socket = connect({ host, port });
  const connected = new Promise<void>((resolve, reject) => {
    socket.once('connect', resolve);
    socket.once('error', (error: NodeJS.ErrnoException) => {
      reject(dial(error.code === 'ECONNREFUSED' ? 'connect: connection refused' : error.message));
    });
  });
  return within(connected, timeoutMs, dial('i/o timeout')).finally(() => socket.destroy());
}
