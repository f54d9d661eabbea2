import { isNotFound } from '#apimachinery';
import { ControlLoop, type Informer } from '#client';
import { gvr, type Node } from '#kinds';
import { type Controller, type ControllerContext, type ControllerRuntime, runtimeFor } from '../context.js';
import { CidrPool } from './cidr-pool.js';

const IPV4_MASK = 24;
const IPV6_MASK = 64;

export function nodeIpamController(context: ControllerContext): Controller {
  return new NodeIpam(runtimeFor(context, 'node-controller', 'cidrAllocator'));
}

/** Gives every node its slice of the pod network. */
class NodeIpam implements Controller {
  readonly name = 'node-ipam-controller';
  private readonly nodes: Informer<Node>;
  private readonly pools: CidrPool[];
  private readonly loop: ControlLoop;

  constructor(private readonly runtime: ControllerRuntime) {
    const { informers, clock, logger, options } = runtime;
    this.pools = poolsFor(options.clusterCidr, options.nodeCidrMaskSize, options.serviceCidr);
    this.nodes = informers.for<Node>(gvr.nodes);
    // One at a time: whoever asks next sees what is taken.
    this.loop = new ControlLoop({
      name: this.name,
      clock,
      logger,
      concurrency: 1,
      reconcile: (key) => this.reconcile(key),
    });
    this.nodes.addHandler({
      add: (node) => {
        for (const cidr of node.spec?.podCIDRs ?? []) for (const pool of this.pools) pool.occupy(cidr);
        this.loop.add(node.metadata.name!);
      },
      update: (_old, node) => this.loop.add(node.metadata.name!),
      delete: (node) => {
        for (const cidr of node.spec?.podCIDRs ?? []) for (const pool of this.pools) pool.release(cidr);
      },
    });
  }

  async run(signal: AbortSignal): Promise<void> {
    if (this.pools.length === 0) return;
    await this.nodes.whenSynced(signal);
    await this.loop.run(signal);
  }

  private async reconcile(name: string): Promise<undefined> {
    const { client, recorder } = this.runtime;
    const node = this.nodes.get('', name);
    if (!node || (node.spec?.podCIDRs ?? []).length > 0) return;
    const podCIDRs: string[] = [];
    const giveBack = () => {
      for (const [index, cidr] of podCIDRs.entries()) this.pools[index]!.release(cidr);
    };
    for (const pool of this.pools) {
      const cidr = pool.allocate();
      if (!cidr) {
        giveBack();
        recorder.event(node, 'Normal', 'CIDRNotAvailable', `Node ${name} status is now: CIDRNotAvailable`);
        throw new Error(
          `failed to allocate cidr for node ${name}: CIDR allocation failed; there are no remaining CIDRs left to allocate in the accepted range`,
        );
      }
      podCIDRs.push(cidr);
    }
    const patch = { metadata: { uid: node.metadata.uid }, spec: { podCIDR: podCIDRs[0], podCIDRs } };
    try {
      await client.patch(gvr.nodes, '', name, 'application/strategic-merge-patch+json', patch);
    } catch (error) {
      giveBack();
      if (!isNotFound(error)) throw error;
    }
  }
}

/** One pool for each network of the comma-separated list; slices that Services use are left out. */
export function poolsFor(clusterCidr: string, maskSize: number | undefined, serviceCidr: string): CidrPool[] {
  return split(clusterCidr).map((network) => {
    const mask = network.includes(':') ? IPV6_MASK : (maskSize ?? IPV4_MASK);
    const pool = new CidrPool(network, mask);
    for (const reserved of split(serviceCidr)) pool.occupy(reserved);
    return pool;
  });
}

function split(list: string): string[] {
  return list.split(',').filter((entry) => entry !== '');
}
