import { Agent, request as httpsRequest } from 'node:https';
import { connect, type TLSSocket } from 'node:tls';

/** Who sends a request, by what it shows. */
export interface Identity {
  name: string;
  cert?: string;
  key?: string;
  headers?: Record<string, string>;
}

export interface Request {
  method?: string;
  /** Sent as it stands, odd or not. */
  path: string;
  headers?: Record<string, string>;
  /** Objects are sent as JSON. */
  body?: string | Buffer | object;
  /** Said beside the path when the request fails its expectation. */
  note?: string;
  /** Milliseconds until an answer that does not come counts as a closed connection. Default 30 s. */
  timeoutMs?: number;
  /** A code from 500 is no failure here: it is that of a proxy's target, or the reference has it, too. */
  serverErrorAllowed?: boolean;
}

export interface Answer {
  /** 0: the connection was closed, or nothing came in time. */
  code: number;
  /** Nothing came in time. */
  late?: boolean;
  headers: Record<string, string | string[] | undefined>;
  text: string;
}

/** Answers are kept up to this; a watch that is opened by mistake is cut off there. */
const LARGEST_ANSWER = 8 << 20;

/** Sends requests to one HTTPS server, over kept connections of each identity. */
export class Requester {
  private readonly agents = new Map<Identity, Agent>();

  constructor(
    readonly host: string,
    readonly port: number,
    readonly ca: string,
  ) {}

  readonly send = async (identity: Identity, request: Request): Promise<Answer> => {
    const answer = await this.once(identity, request);
    // A kept connection that the server closed while the request was on its way says nothing about the request: a new one does.
    if (answer.code !== 0 || !answer.reused) return answer;
    const fresh = this.newAgent(identity, false);
    return this.once(identity, request, fresh).finally(() => fresh.destroy());
  };

  private once(
    identity: Identity,
    request: Request,
    agent = this.agentOf(identity),
  ): Promise<Answer & { reused?: boolean }> {
    const { method = 'GET', path, headers = {}, body, timeoutMs = 30_000 } = request;
    const bytes = typeof body === 'string' || Buffer.isBuffer(body) || body === undefined ? body : JSON.stringify(body);
    return new Promise((resolve) => {
      const closed = (error: NodeJS.ErrnoException): void => {
        const reused = outgoing.reusedSocket && error.code === 'ECONNRESET';
        resolve({ code: 0, headers: {}, text: error.message, reused, late });
      };
      const outgoing = httpsRequest({
        host: this.host,
        port: this.port,
        method,
        path,
        agent,
        headers: {
          ...(bytes === undefined ? undefined : { 'Content-Type': contentType(method) }),
          ...(bytes === undefined ? undefined : { 'Content-Length': Buffer.byteLength(bytes) }),
          ...identity.headers,
          ...headers,
        },
      });
      let late = false;
      const timer = setTimeout(() => {
        late = true;
        outgoing.destroy(new Error(`no answer in ${timeoutMs} ms`));
      }, timeoutMs);
      outgoing.on('error', closed);
      outgoing.on('close', () => clearTimeout(timer));
      outgoing.on('upgrade', (incoming, socket) => {
        socket.destroy();
        resolve({ code: incoming.statusCode ?? 101, headers: incoming.headers, text: 'switched protocols' });
      });
      outgoing.on('response', (incoming) => {
        const parts: Buffer[] = [];
        let size = 0;
        const done = (): void =>
          resolve({
            code: incoming.statusCode ?? 0,
            headers: incoming.headers,
            text: Buffer.concat(parts).toString(),
          });
        incoming.on('data', (part: Buffer) => {
          parts.push(part);
          size += part.length;
          if (size > LARGEST_ANSWER) outgoing.destroy();
        });
        incoming.on('end', done);
        incoming.on('error', done);
      });
      outgoing.end(bytes);
    });
  }

  /** A connection of its own for bytes that no HTTP client would send. */
  connect(identity: Identity): Promise<TLSSocket> {
    return new Promise((resolve, reject) => {
      const { cert, key } = identity;
      const options = { host: this.host, port: this.port, ca: this.ca, cert, key };
      const socket = connect(options, () => {
        socket.off('error', reject);
        // What the server does to the connection is looked at by its end, not by exceptions.
        socket.on('error', () => {});
        resolve(socket);
      });
      socket.once('error', reject);
    });
  }

  /** Sends bytes and gives back what came until the connection ended, `enough` was seen or `waitMs` passed. */
  async raw(identity: Identity, bytes: string | Buffer, waitMs = 1500, enough?: RegExp): Promise<Answer> {
    let socket: TLSSocket;
    try {
      socket = await this.connect(identity);
    } catch (error) {
      return { code: 0, headers: {}, text: (error as Error).message };
    }
    return new Promise((resolve) => {
      let text = '';
      const end = (): void => {
        clearTimeout(timer);
        socket.destroy();
        const code = Number(/^HTTP\/1\.1 (\d{3})/.exec(text)?.[1] ?? 0);
        resolve({ code, headers: {}, text });
      };
      const timer = setTimeout(end, waitMs);
      socket.on('data', (part) => {
        text += part.toString('latin1');
        if (enough?.test(text)) end();
      });
      socket.on('close', end);
      socket.write(bytes);
    });
  }

  close(): void {
    for (const agent of this.agents.values()) agent.destroy();
    this.agents.clear();
  }

  private agentOf(identity: Identity): Agent {
    let agent = this.agents.get(identity);
    if (!agent) {
      agent = this.newAgent(identity, true);
      this.agents.set(identity, agent);
    }
    return agent;
  }

  private newAgent({ cert, key }: Identity, keepAlive: boolean): Agent {
    return new Agent({ keepAlive, maxSockets: 16, ca: this.ca, cert, key });
  }
}

function contentType(method: string): string {
  return method === 'PATCH' ? 'application/merge-patch+json' : 'application/json';
}
