import { Agent, type RequestOptions } from 'node:https';
import { isIP, type Socket } from 'node:net';
import { type ConnectionOptions, checkServerIdentity, connect } from 'node:tls';
import { DialError, dialError, identityError, lookupError } from './call-error.js';
import type { Endpoint } from './service-endpoint.js';

/** How calls leave this process. */
export interface WebhookNetwork {
  /** All addresses of a host name. Rejects when there are none. */
  resolve(name: string): Promise<readonly string[]>;
  connect(address: string, port: number): Socket;
}

/** Options of a request to a webhook. */
export interface WebhookRequestOptions extends RequestOptions {
  host: string;
  port: number;
  /** Where the connection goes, asked when one is made; absent: to host and port. Throws. */
  endpoint?: () => Endpoint;
  /** Of the call that the connection is made for: a dial ends with it. */
  callSignal: AbortSignal;
}

type Connected = (error: Error | null, socket?: Socket) => void;

/** Connections to one webhook that wait for the next call, and for how long: the numbers of client-go. */
const IDLE_CONNECTIONS = 25;
const IDLE_MS = 90_000;
/** Nobody waits longer than this for a connection. */
const DIAL_TIMEOUT_MS = 30_000;

/**
 * Keeps connections by host, port, authority and server name, so that webhooks with different bundles never share one. It connects
 * as the given network does.
 */
export class WebhookAgent extends Agent {
  constructor(private readonly network: WebhookNetwork) {
    super({ keepAlive: true, maxFreeSockets: IDLE_CONNECTIONS, timeout: IDLE_MS });
  }

  override getName(options: WebhookRequestOptions): string {
    return `${super.getName(options)}:${options.endpoint ? 'service' : 'url'}`;
  }

  override createConnection(options: object, done?: (error: Error | null, socket: any) => void): undefined {
    const wanted = options as WebhookRequestOptions;
    this.open(wanted).then(
      (socket) => secure(wanted, socket, done as Connected),
      (error: Error) => (done as Connected)(error),
    );
  }

  private async open({ host, port, endpoint, callSignal }: WebhookRequestOptions): Promise<Socket> {
    const target = endpoint ? resolved(endpoint) : { host, port };
    const addresses = isIP(target.host) ? [target.host] : await this.resolve(target.host);
    for (const [at, address] of addresses.entries()) {
      try {
        return await dial(this.network, address, target.port, callSignal);
      } catch (error) {
        if (at === addresses.length - 1 || callSignal.aborted) throw error;
      }
    }
    throw lookupError(target.host, Object.assign(new Error(), { code: 'ENOTFOUND' }));
  }

  private resolve(host: string): Promise<readonly string[]> {
    return this.network.resolve(host).catch((error: Error) => {
      throw lookupError(host, error);
    });
  }
}

function resolved(endpoint: () => Endpoint): Endpoint {
  try {
    return endpoint();
  } catch (error) {
    throw new DialError((error as Error).message);
  }
}

function dial(network: WebhookNetwork, address: string, port: number, signal: AbortSignal): Promise<Socket> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) {
      reject(dialError(address, port, canceled()));
      return;
    }
    const socket = network.connect(address, port);
    const fail = (error: Error) => {
      signal.removeEventListener('abort', stop);
      socket.destroy();
      reject(dialError(address, port, error));
    };
    const late = () => fail(Object.assign(new Error(), { code: 'ETIMEDOUT' }));
    const stop = () => fail(canceled());
    signal.addEventListener('abort', stop, { once: true });
    socket.setTimeout(DIAL_TIMEOUT_MS, late);
    socket.once('error', fail);
    socket.once('connect', () => {
      signal.removeEventListener('abort', stop);
      socket.setTimeout(0);
      socket.removeListener('timeout', late);
      socket.removeListener('error', fail);
      resolve(socket);
    });
  });
}

/** Nobody hears of it: the call is over. */
function canceled(): Error {
  return Object.assign(new Error('operation was canceled'), { code: 'ECANCELED' });
}

/** A bundle that cannot be read throws here. */
function secure(options: WebhookRequestOptions, socket: Socket, done: Connected): void {
  const { ca, host, servername = '' } = options;
  const name = servername || host;
  const tls: ConnectionOptions = {
    ...{ socket, ca, host, servername },
    ALPNProtocols: ['http/1.1'],
    checkServerIdentity: (_, certificate) =>
      identityError(name, certificate, () => checkServerIdentity(name, certificate)),
  };
  try {
    done(null, connect(tls));
  } catch (error) {
    socket.destroy();
    done(error as Error);
  }
}
