import assert from 'node:assert/strict';
import { EventEmitter } from 'node:events';
import type { Socket } from 'node:net';
import { UnauthenticatedConnections } from './unauthenticated-connections.js';

class FakeSocket extends EventEmitter {
  destroyed = false;
  readonly remoteAddress = '192.0.2.1';
  constructor(readonly remotePort: number) {
    super();
  }
  destroy(): void {
    this.destroyed = true;
    this.emit('close');
  }
}

const socket = (port: number) => new FakeSocket(port) as unknown as Socket & FakeSocket;

describe('connections of unauthenticated', () => {
  it('are so many at most; the oldest goes', () => {
    const unauthenticated = new UnauthenticatedConnections(2);
    const sockets = [1, 2, 3].map(socket);
    for (const each of sockets) unauthenticated.add(each);
    assert.deepEqual(
      sockets.map(({ destroyed }) => destroyed),
      [true, false, false],
    );
    assert.equal(unauthenticated.size, 2);
  });

  it('count no more when they are known, or gone', () => {
    const unauthenticated = new UnauthenticatedConnections(2);
    const [known, gone, ...others] = [1, 2, 3, 4, 5].map(socket);
    unauthenticated.add(known!);
    // What TLS gives is another object with the same peer.
    unauthenticated.release(socket(1));
    unauthenticated.add(gone!);
    gone!.emit('close');
    for (const each of others) unauthenticated.add(each);
    assert.deepEqual([known!.destroyed, others.map(({ destroyed }) => destroyed)], [false, [true, false, false]]);
  });
});
