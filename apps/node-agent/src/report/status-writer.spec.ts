import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { notFound, serviceUnavailable } from '#apimachinery';
import { type Client, silentLogger } from '#client';
import type { PodStatus } from '#kinds';
import type { Pod } from '../pod/pod.js';
import { deletePod } from './pod-deletion.js';
import { StatusWriter } from './status-writer.js';

const POD = {
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { namespace: 'default', name: 'web', uid: 'uid', resourceVersion: '1' },
  spec: { containers: [] },
  status: { phase: 'Pending' },
} as unknown as Pod;

/** A server whose answers come when the test lets them; a pod that is deleted is not there any more. */
class SlowServer {
  readonly asked: string[] = [];
  private readonly waiting: (() => void)[] = [];
  private gone = false;
  away = false;

  readonly client = {
    patch: async (...[, , , , patch]: Parameters<Client['patch']>) => {
      const { status } = patch as { status: PodStatus };
      this.asked.push(`patch ${status.phase}`);
      await this.turn();
      if (this.away) throw serviceUnavailable('away');
      if (this.gone) throw notFound({ group: '', resource: 'pods' }, 'web');
      return { ...POD, status };
    },
    delete: async () => {
      this.asked.push('delete');
      await this.turn();
      if (this.away) throw serviceUnavailable('away');
      this.gone = true;
    },
  } as unknown as Client;

  /** One answer. */
  async answer(): Promise<void> {
    this.waiting.shift()!();
    await sleep(1);
  }

  private turn(): Promise<void> {
    return new Promise((resolve) => this.waiting.push(resolve));
  }
}

const status = (phase: string) => ({ phase }) as PodStatus;

describe('the status of a pod', () => {
  it('is written one after the other, the newest of those that wait', async () => {
    const server = new SlowServer();
    const writer = new StatusWriter(server.client, silentLogger);
    for (const phase of ['Running', 'Unknown', 'Succeeded']) writer.set(POD, status(phase));
    await server.answer();
    await server.answer();
    writer.set(POD, status('Succeeded'));
    assert.deepEqual(server.asked, ['patch Running', 'patch Succeeded']);
  });

  it('is there before the pod goes, however long that takes, and is not written again after that', async () => {
    const server = new SlowServer();
    const writer = new StatusWriter(server.client, silentLogger);
    writer.set(POD, status('Running'));
    writer.set(POD, status('Succeeded'));
    const deleted = deletePod(server.client, writer, POD);
    await sleep(1);
    writer.set(POD, status('Failed'));
    assert.deepEqual(server.asked, ['patch Running']);
    await server.answer();
    assert.deepEqual(server.asked, ['patch Running', 'patch Succeeded']);
    await server.answer();
    assert.deepEqual(server.asked, ['patch Running', 'patch Succeeded', 'delete']);
    writer.set(POD, status('Failed'));
    await server.answer();
    await deleted;
    assert.equal(server.asked.length, 3);
  });

  it('is given up when it takes too long, and does not come after the deletion', async () => {
    const server = new SlowServer();
    const writer = new StatusWriter(server.client, silentLogger);
    writer.set(POD, status('Running'));
    writer.set(POD, status('Succeeded'));
    const deleted = deletePod(server.client, writer, POD, 5);
    await sleep(50);
    assert.deepEqual(server.asked, ['patch Running', 'delete']);
    await server.answer();
    await server.answer();
    await deleted;
    assert.equal(server.asked.length, 2);
  });

  it('is there before the pod goes when the server was away for longer than that', async () => {
    const server = new SlowServer();
    const writer = new StatusWriter(server.client, silentLogger, () => 1);
    server.away = true;
    writer.set(POD, status('Succeeded'));
    const failed = assert.rejects(deletePod(server.client, writer, POD, 5), /away/);
    await sleep(50);
    await server.answer();
    await server.answer();
    await failed;
    server.away = false;
    const deleted = deletePod(server.client, writer, POD);
    await server.answer();
    await server.answer();
    await deleted;
    assert.deepEqual(server.asked, ['patch Succeeded', 'delete', 'patch Succeeded', 'delete']);
  });

  it('that takes too long is written all the same while finalizers keep the pod', async () => {
    const server = new SlowServer();
    const writer = new StatusWriter(server.client, silentLogger);
    const tracked = { ...POD, metadata: { ...POD.metadata, finalizers: ['batch.kubernetes.io/job-tracking'] } };
    writer.set(tracked, status('Running'));
    writer.set(tracked, status('Succeeded'));
    const deleted = deletePod(server.client, writer, tracked, 5);
    await sleep(50);
    await server.answer();
    assert.deepEqual(server.asked, ['patch Running', 'delete', 'patch Succeeded']);
    await server.answer();
    await deleted;
    await server.answer();
  });
});
