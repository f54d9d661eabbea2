import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { type WebSocket, WebSocketServer } from 'ws';
import { FRAME_LENGTH_BYTES } from '../../codec/protobuf/envelope.js';
import { BEARER_PROTOCOL } from '../proxy/upstream-pipe.js';
import { headerList, type Warnings } from '../server/response-writer.js';

/** Where the lines of a watch go. They are shared by all watchers of an event, and so never copied or changed. */
export interface WatchSink {
  readonly closed: boolean;
  /** What says that the reader has caught up (`drain`), or is gone (`close`). */
  readonly stream: NodeJS.EventEmitter;
  /** Returns false when the reader is behind. */
  write(lines: readonly Buffer[]): boolean;
  end(): void;
  /** Ends it at once: what the reader has not taken is thrown away. */
  cut(): void;
}

const LINE_BREAK = Buffer.from('\r\n');

/** A chunked body, and the beginning of its answer. */
export class ResponseSink implements WatchSink {
  constructor(
    private readonly response: ServerResponse,
    mediaType: string,
    warnings: Warnings,
  ) {
    response.writeHead(200, headerList(response.req, mediaType, warnings));
    response.flushHeaders();
  }

  get closed(): boolean {
    return this.response.destroyed || this.response.writableEnded;
  }

  get stream(): NodeJS.EventEmitter {
    return this.response.socket ?? this.response;
  }

  /** One chunk, framed here: the response would write its length, its bytes and its end one by one. */
  write(lines: readonly Buffer[]): boolean {
    const { response } = this;
    const { socket } = response;
    if (!socket || !response.chunkedEncoding)
      return response.write(lines.length === 1 ? lines[0]! : Buffer.concat(lines));
    let length = 0;
    for (const line of lines) length += line.length;
    socket.cork();
    socket.write(`${length.toString(16)}\r\n`, 'latin1');
    for (const line of lines) socket.write(line);
    const room = socket.write(LINE_BREAK);
    socket.uncork();
    return room;
  }

  end(): void {
    this.response.end();
  }

  cut(): void {
    this.response.destroy();
  }
}

const sockets = new WebSocketServer({
  noServer: true,
  perMessageDeflate: false,
  maxPayload: 1024,
  handleProtocols: (offered) => [...offered].find((name) => !name.startsWith(BEARER_PROTOCOL)) ?? false,
});

/**
 * A text message a line, as the reference sends them; in protobuf a binary one without the length, which the message has. What the client
 * sends is not looked at.
 */
export class WebSocketSink implements WatchSink {
  private constructor(
    private readonly client: WebSocket,
    readonly stream: Socket,
    private readonly isBinary: boolean,
  ) {
    client.on('error', () => stream.destroy());
  }

  /** Answers the handshake. `ended` is called when the client is gone. */
  static accept(request: IncomingMessage, socket: Socket, head: Buffer, isBinary: boolean): Promise<WebSocketSink> {
    return new Promise((resolve) => {
      sockets.handleUpgrade(request, socket, head, (client) => resolve(new WebSocketSink(client, socket, isBinary)));
    });
  }

  get closed(): boolean {
    return this.client.readyState !== this.client.OPEN;
  }

  write(lines: readonly Buffer[]): boolean {
    this.stream.cork();
    const { isBinary } = this;
    for (const line of lines) {
      this.client.send(isBinary ? line.subarray(FRAME_LENGTH_BYTES) : line, { binary: isBinary });
    }
    this.stream.uncork();
    return !this.stream.writableNeedDrain;
  }

  end(): void {
    this.client.close(1000);
  }

  cut(): void {
    this.stream.destroy();
  }
}
