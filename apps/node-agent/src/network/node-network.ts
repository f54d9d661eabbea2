import { dirname, join } from 'node:path';
import { type Clock, delay, type Logger, type SharedInformers } from '#client';
import { FileTree } from '#files';
import { loadNative } from '#host';
import { gvr, type Node } from '#kinds';
import { splitCidrs } from './families.js';

/** That native/net has the runtime make. */
export const BRIDGE = 'berth0';
/** Milliseconds after which somebody else's change is undone at most. */
const REPAIR = 30_000;

/** What `apply` of native/net did. */
export interface NetworkReport {
  changed: string[];
  problems: { subject: string; message: string }[];
}

/** `NodeNetwork` of native/net. */
export interface NativeNetwork {
  apply(podCidrs: string[]): Promise<NetworkReport>;
  cleanup(): Promise<void>;
}

export interface NetworkConfig {
  clusterCidr: string;
  nodeIp: string;
  /** Folder of the runtime's CNI configurations; undefined when the runtime is not ours to configure. */
  cniConfigDir: string | undefined;
  /** The runtime has the plugin that limits how fast pods send and receive. */
  bandwidthPlugin: boolean;
  /** Services are served by rules on this node. */
  serviceRules: boolean;
  /** Policies are enforced by rules on this node. */
  policyRules: boolean;
}

export function openNodeNetwork({ clusterCidr, ...config }: NetworkConfig): NativeNetwork {
  const { NodeNetwork: Native } = loadNative<{ NodeNetwork: new (config: string) => NativeNetwork }>('net');
  return new Native(JSON.stringify({ ...config, clusterCidrs: splitCidrs(clusterCidr) }));
}

export interface NodeNetworkOptions {
  informers: SharedInformers;
  nodeName: string;
  network: NativeNetwork;
  clock: Clock;
  logger: Logger;
}

/** Keeps what this node does for the network of its pods: kernel settings, CNI configuration, the rules that let pods out. */
export class NodeNetwork {
  /** The node's ranges for pods, separated by commas. */
  private podCidr: string | undefined;
  private wake: (() => void) | undefined;
  /** What was logged already, by subject: a problem that stays is told once. */
  private readonly problems = new Map<string, string>();

  constructor(private readonly options: NodeNetworkOptions) {
    const { informers, nodeName } = options;
    const follow = (node: Node): void => {
      const podCidr = node.spec?.podCIDRs?.join(',') || node.spec?.podCIDR;
      if (!podCidr || podCidr === this.podCidr) return;
      this.podCidr = podCidr;
      this.wake?.();
    };
    informers.for<Node>(gvr.nodes, { fieldSelector: `metadata.name=${nodeName}` }).addHandler({
      add: follow,
      update: (_old, node) => follow(node),
    });
  }

  /** Runs until the signal fires. The network stays as it is then. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, logger, network } = this.options;
    signal.addEventListener('abort', () => this.wake?.(), { once: true });
    let applied: string | undefined | null = null;
    while (!signal.aborted) {
      const { podCidr } = this;
      try {
        const { changed, problems } = await network.apply(podCidr ? splitCidrs(podCidr) : []);
        const repaired = podCidr === applied;
        if (changed.length > 0 && repaired)
          logger.warn("the node's network was changed and has been repaired", { changed });
        else if (changed.length > 0 && podCidr) logger.info('pod network configured', { podCidr, changed });
        applied = podCidr;
        this.report(problems);
      } catch (error) {
        logger.error("the node's network cannot be set up", { error });
      }
      if (this.podCidr === podCidr) await this.sleep(clock, signal);
    }
  }

  private report(problems: NetworkReport['problems']): void {
    for (const { subject, message } of problems) {
      if (this.problems.get(subject) !== message) this.options.logger.warn(`${subject} ${message}`);
    }
    this.problems.clear();
    for (const { subject, message } of problems) this.problems.set(subject, message);
  }

  private async sleep(clock: Clock, signal: AbortSignal): Promise<void> {
    if (signal.aborted) return;
    const woken = new AbortController();
    this.wake = () => woken.abort();
    await delay(clock, REPAIR, woken.signal);
    this.wake = undefined;
  }
}

/** Takes everything off the node that its network and the CNI plugins left: rules, bridge, configuration, leases. */
export async function cleanupNodeNetwork(config: NetworkConfig): Promise<void> {
  await openNodeNetwork(config).cleanup();
  if (!config.cniConfigDir) return;
  const directory = dirname(config.cniConfigDir);
  await new FileTree(directory).remove(join(directory, 'leases'));
}
