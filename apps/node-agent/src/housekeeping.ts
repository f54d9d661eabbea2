import { availableParallelism } from 'node:os';
import type { Logger } from '#client';
import type { AgentParts } from './agent-parts.js';
import { qosTree } from './execute/qos-tree.js';
import { unmountContext } from './execute/volume-context.js';
import { rotateLogs } from './node/log-rotation.js';
import { removeOrphans } from './pipe/pod-directories.js';

/** Between looks for leftovers and long logs, and for volumes whose tokens are due. Milliseconds. */
const HOUSEKEEPING = 10_000;
const VOLUME_REFRESH = 60_000;
/** Kubelet's ImageGCPeriod. */
const IMAGE_COLLECTION = 300_000;

/** What is done from time to time though nothing has happened. */
export class Housekeeping {
  constructor(
    private readonly parts: Pick<AgentParts, 'registry' | 'observer' | 'services' | 'images'>,
    private readonly logger: Logger,
    private readonly signal: AbortSignal,
  ) {}

  /** Before the first pod gets its cgroup, and from then on as pods come and go. */
  async updateQosTree(): Promise<void> {
    const { cgroups, node } = this.parts.services;
    const pods = this.parts.registry.occupants().map(({ pod }) => pod);
    const limits = qosTree(pods, { cpus: availableParallelism(), ...node });
    for (const [cgroup, limit] of limits) await cgroups.apply(cgroup, limit);
  }

  /** What needs no API server. */
  startNode(): void {
    const { images, services, registry, observer } = this.parts;
    void images.collect();
    this.every(IMAGE_COLLECTION, () => images.collect());
    this.every(HOUSEKEEPING, () => {
      const own = [...observer.pods()].filter(({ uid }) => registry.get(uid) !== undefined);
      return rotateLogs(services.runtime, own, this.logger);
    });
  }

  /** What must know which pods are wanted. */
  startPods(): void {
    const { services, registry, observer } = this.parts;
    const context = { ...unmountContext(services), cgroups: services.cgroups, logger: this.logger };
    const isKnown = (uid: string) => registry.get(uid) !== undefined || observer.get(uid) !== undefined;
    this.every(HOUSEKEEPING, async () => {
      await this.updateQosTree();
      await removeOrphans(context, isKnown);
    });
    this.every(VOLUME_REFRESH, async () => {
      for (const worker of registry.workers()) worker.refreshVolumes();
    });
  }

  private every(ms: number, work: () => Promise<void>): void {
    const timer = setInterval(() => {
      work().catch((error) => this.logger.warn('housekeeping failed', { error }));
    }, ms);
    timer.unref();
    this.signal.addEventListener('abort', () => clearInterval(timer), { once: true });
  }
}
