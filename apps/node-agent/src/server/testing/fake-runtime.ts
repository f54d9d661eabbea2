import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import type { ServerRuntime } from '../node-server-options.js';
import { SpdyConnection } from '../spdy/connection.js';
import type { SpdyStream } from '../spdy/stream.js';

/** A session as the runtime's side sees it. */
export interface RuntimeSession {
  headers: IncomingHttpHeaders;
  connection: SpdyConnection;
  /** Resolves when a stream of that type (and port) was opened. */
  stream(type: string, port?: string): Promise<SpdyStream>;
  /** Streams opened so far, in order. */
  opened: SpdyStream[];
}

/** The streaming server of a runtime: SPDY over HTTP, as the CRI streaming library serves it. */
export class FakeRuntime {
  readonly calls: { method: string; request: unknown }[] = [];
  private readonly sockets = new Set<Socket>();
  /** What the next sessions do. */
  onSession: (session: RuntimeSession) => void = () => {};
  /** Set: the streaming server refuses with this. */
  refusal: { code: number; text: string } | undefined;

  private constructor(private readonly server: Server) {
    server.on('connection', (socket) => {
      this.sockets.add(socket);
      socket.once('close', () => this.sockets.delete(socket));
    });
    server.on('upgrade', (request, socket) => {
      if (this.refusal) {
        const { code, text } = this.refusal;
        socket.end(`HTTP/1.1 ${code} No\r\nContent-Length: ${text.length}\r\nConnection: close\r\n\r\n${text}`);
        return;
      }
      const [protocol] = (request.headersDistinct['x-stream-protocol-version'] ?? ['']).flatMap((line) =>
        line.split(','),
      );
      socket.write(
        `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: SPDY/3.1\r\nX-Stream-Protocol-Version: ${protocol}\r\n\r\n`,
      );
      this.onSession(newSession(request.headers, socket as Socket));
    });
  }

  static async start(): Promise<FakeRuntime> {
    const server = createServer();
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new FakeRuntime(server);
  }

  get cri(): ServerRuntime {
    const url = (method: string) => async (request: unknown) => {
      this.calls.push({ method, request });
      return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}/${method}/token`;
    };
    const portForward = url('portForward');
    return {
      exec: url('exec'),
      attach: url('attach'),
      portForward: (id: string, ports: number[]) => portForward({ id, ports }),
    } as unknown as ServerRuntime;
  }

  /** Connections that are open now. */
  get connections(): number {
    return this.sockets.size;
  }

  close(): void {
    for (const socket of this.sockets) socket.destroy();
    this.server.close();
  }
}

function newSession(headers: IncomingHttpHeaders, socket: Socket): RuntimeSession {
  const opened: SpdyStream[] = [];
  const waiting: { type: string; port: string | undefined; resolve: (stream: SpdyStream) => void }[] = [];
  const fits = (stream: SpdyStream, type: string, port?: string) =>
    stream.headers['streamtype'] === type && (port === undefined || stream.headers['port'] === port);
  const connection = new SpdyConnection(socket, {
    role: 'server',
    onStream: (stream) => {
      opened.push(stream);
      for (const entry of waiting) if (fits(stream, entry.type, entry.port)) entry.resolve(stream);
    },
  });
  return {
    headers,
    connection,
    opened,
    stream: (type, port) => {
      const found = opened.find((stream) => fits(stream, type, port));
      if (found) return Promise.resolve(found);
      return new Promise((resolve) => waiting.push({ type, port, resolve }));
    },
  };
}
