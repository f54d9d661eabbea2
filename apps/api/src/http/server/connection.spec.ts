import assert from 'node:assert/strict';
import { EventEmitter } from 'node:events';
import type { Socket } from 'node:net';
import { Connection } from './connection.js';
import type { OpenRequest } from './open-request.js';

/** A request and its answer, as far as a connection looks at them. */
function aRequest(endless = false) {
  const response = Object.assign(new EventEmitter(), { writableEnded: false });
  const open = { endless, response, request: { complete: true }, settle: () => {} } as unknown as OpenRequest;
  return {
    open,
    /** The answer is complete, but for what the socket has yet to send. */
    end: () => {
      response.writableEnded = true;
    },
    close: () => response.emit('close'),
  };
}

function aConnection() {
  const socket = Object.assign(new EventEmitter(), {
    destroyed: false,
    destroy() {
      this.destroyed = true;
    },
  });
  const served: OpenRequest[] = [];
  const connection = new Connection(socket as unknown as Socket, () => {});
  return { socket, served, take: (open: OpenRequest) => connection.take(open, (begun) => served.push(begun)) };
}

describe('a connection', () => {
  it('serves one request after the other', () => {
    const { served, take } = aConnection();
    const [first, second] = [aRequest(), aRequest()];
    take(first.open);
    take(second.open);
    assert.deepEqual(served, [first.open]);
    first.end();
    first.close();
    assert.deepEqual(served, [first.open, second.open]);
  });

  it('ends when a request comes behind one that does not end', () => {
    const { served, socket, take } = aConnection();
    const watch = aRequest(true);
    take(watch.open);
    take(aRequest().open);
    assert.deepEqual([served.length, socket.destroyed], [1, true]);
  });

  it('takes the next watch of a client that has read the end of the last one before it is sent', () => {
    const { served, socket, take } = aConnection();
    const [watch, next] = [aRequest(true), aRequest(true)];
    take(watch.open);
    watch.end();
    take(next.open);
    assert.deepEqual([served.length, socket.destroyed], [1, false]);
    watch.close();
    assert.deepEqual(served, [watch.open, next.open]);
  });
});
