import { isNotFound } from '#apimachinery';
import type { EventHandler, Informer } from '#client';
import { gvr, type Node } from '#kinds';
import { type Controller, type ControllerContext, type ControllerRuntime, runtimeFor } from '../context.js';
import { controller } from '../controller.js';
import { CidrPool } from './cidr-pool.js';

const IPV4_MASK = 24;
const IPV6_MASK = 64;

export function nodeIpamController(context: ControllerContext): Controller {
  const name = 'node-ipam-controller';
  const runtime = runtimeFor(context, 'node-controller', 'cidrAllocator');
  const { clusterCidr, nodeCidrMaskSize, serviceCidr } = runtime.options;
  const pools = poolsFor(clusterCidr, nodeCidrMaskSize, serviceCidr);
  if (pools.length === 0) return { name, run: async () => {} };
  const ipam = new NodeIpam(runtime, pools);
  // One at a time: whoever asks next sees what is taken.
  return controller(name, runtime)
    .for<Node>(gvr.nodes, { observe: ipam.observe })
    .workers(1)
    .reconcile((key) => ipam.reconcile(key));
}

/** Gives every node its slice of the pod network. */
class NodeIpam {
  private readonly nodes: Informer<Node>;

  constructor(
    private readonly runtime: ControllerRuntime,
    private readonly pools: readonly CidrPool[],
  ) {
    this.nodes = runtime.informers.for<Node>(gvr.nodes);
  }

  readonly observe: EventHandler<Node> = {
    add: (node) => {
      for (const cidr of node.spec?.podCIDRs ?? []) for (const pool of this.pools) pool.occupy(cidr);
    },
    delete: (node) => {
      for (const cidr of node.spec?.podCIDRs ?? []) for (const pool of this.pools) pool.release(cidr);
    },
  };

  async reconcile(name: string): Promise<undefined> {
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
