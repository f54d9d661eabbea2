import { setTimeout as sleep } from 'node:timers/promises';
import type { KubeObject } from '#apimachinery';
import type { Client } from '#client';
import { gvr } from '#kinds';

/**
 * Plays the nodes of a cluster that has none: pods that run to an end succeed at once, all others run and are ready. Clients that
 * wait for workloads then get on.
 */
export class PodPlayer {
  private stopped = false;
  private readonly running: Promise<void>;

  constructor(private readonly client: Client) {
    this.running = this.play();
  }

  async close(): Promise<void> {
    this.stopped = true;
    await this.running;
  }

  private async play(): Promise<void> {
    for (; !this.stopped; await sleep(100)) {
      const { items } = await this.client.list<Pod>(gvr.pods);
      const waiting = items.filter(({ status }) => status?.phase === 'Pending');
      await Promise.all(waiting.map((pod) => this.start(pod)));
    }
  }

  private async start({ metadata, spec }: Pod): Promise<void> {
    const ends = spec.restartPolicy === 'Never';
    const time = new Date().toISOString().replace(/\.\d+/, '');
    const conditions = ['PodScheduled', 'Initialized', 'ContainersReady', 'Ready'].map((type) => ({
      ...{ type, lastTransitionTime: time },
      status: ends && type.endsWith('Ready') ? 'False' : 'True',
    }));
    const state = ends
      ? { terminated: { exitCode: 0, startedAt: time, finishedAt: time } }
      : { running: { startedAt: time } };
    const containerStatuses = spec.containers.map(({ name, image }) => ({
      ...{ name, image, imageID: '', state, ready: !ends, restartCount: 0 },
    }));
    const status = { phase: ends ? 'Succeeded' : 'Running', startTime: time, conditions, containerStatuses };
    const patch = { status };
    const options = { subresource: 'status' };
    await this.client
      .patch(gvr.pods, metadata.namespace!, metadata.name!, 'application/merge-patch+json', patch, options)
      // It was deleted in between.
      .catch((error: { code?: number }) => {
        if (error.code !== 404) throw error;
      });
  }
}

interface Pod extends KubeObject {
  spec: { restartPolicy: string; containers: { name: string; image: string }[] };
  status?: { phase?: string };
}
