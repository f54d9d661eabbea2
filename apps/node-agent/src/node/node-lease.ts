import { formatMicroTime, isConflict, isNotFound, type KubeObject } from '#apimachinery';
import type { Client, Logger } from '#client';

const LEASES = { group: 'coordination.k8s.io', version: 'v1', resource: 'leases' };
const NODES = { group: '', version: 'v1', resource: 'nodes' };
const NAMESPACE = 'kube-node-lease';
/** Seconds; renewed at a quarter. */
const DURATION = 40;
const RENEW = (DURATION * 1000) / 4;
const RETRY = 200;

/** The node's heartbeat: without it for 40 s the control plane gives the node up. */
export class NodeLease {
  private lease: KubeObject | undefined;

  constructor(
    private readonly client: Client,
    private readonly nodeName: string,
    private readonly logger: Logger,
    private readonly now: () => number,
  ) {}

  async run(signal: AbortSignal): Promise<void> {
    let failures = 0;
    while (!signal.aborted) {
      let pause = RENEW;
      try {
        await this.renew();
        failures = 0;
      } catch (error) {
        if (isConflict(error) || isNotFound(error)) this.lease = undefined;
        if (failures++ > 0) this.logger.warn('node lease not renewed', { error });
        pause = Math.min(RETRY * 2 ** failures, 7000);
      }
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, pause);
        signal.addEventListener(
          'abort',
          () => {
            clearTimeout(timer);
            resolve();
          },
          { once: true },
        );
      });
    }
  }

  private async renew(): Promise<void> {
    const renewTime = formatMicroTime(new Date(this.now()));
    const spec = { holderIdentity: this.nodeName, leaseDurationSeconds: DURATION, renewTime };
    this.lease ??= await this.client.get<KubeObject>(LEASES, NAMESPACE, this.nodeName).catch((error) => {
      if (isNotFound(error)) return undefined;
      throw error;
    });
    if (this.lease) {
      const lease = { ...this.lease, spec: { ...this.lease['spec'], ...spec } };
      this.lease = await this.client.update(LEASES, NAMESPACE, lease);
      return;
    }
    const node = await this.client.get<KubeObject>(NODES, '', this.nodeName).catch(() => undefined);
    const owner = node && [{ apiVersion: 'v1', kind: 'Node', name: this.nodeName, uid: node.metadata.uid! }];
    this.lease = await this.client.create<KubeObject>(LEASES, NAMESPACE, {
      apiVersion: 'coordination.k8s.io/v1',
      kind: 'Lease',
      metadata: { name: this.nodeName, namespace: NAMESPACE, ...(owner ? { ownerReferences: owner } : {}) },
      spec,
    });
  }
}
