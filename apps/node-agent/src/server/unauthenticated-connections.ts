import type { Socket } from 'node:net';

/**
 * Connections of peers that have not shown yet who they are. Only so many may be open: one more ends the oldest, which has
 * had the most time to show itself.
 */
export class UnauthenticatedConnections {
  private readonly sockets = new Map<string, Socket>();

  constructor(private readonly limit: number) {}

  get size(): number {
    return this.sockets.size;
  }

  /** A TCP connection, before anything was said on it. */
  add(socket: Socket): void {
    const key = peerOf(socket);
    if (this.sockets.size >= this.limit) {
      const [oldest, victim] = this.sockets.entries().next().value!;
      this.sockets.delete(oldest);
      victim.destroy();
    }
    this.sockets.set(key, socket);
    socket.once('close', () => {
      if (this.sockets.get(key) === socket) this.sockets.delete(key);
    });
  }

  /** What TLS made of the connection may be given: both have the same peer. */
  release(socket: Socket): void {
    this.sockets.delete(peerOf(socket));
  }
}

function peerOf({ remoteAddress, remotePort }: Socket): string {
  return `${remoteAddress} ${remotePort}`;
}
