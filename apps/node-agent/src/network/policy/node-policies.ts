import { readFileSync } from 'node:fs';
import { type Client, type Clock, type EventRecorder, type Logger, SharedInformers } from '#client';
import type { MetricsRegistry } from '#telemetry';
import type { PodIsolation } from '../../execute/step-services.js';
import type { Pod } from '../../pod/pod.js';
import { isStatic } from '../../pod/pod-source.js';
import { PolicyEnforcer, reportGap, reportUnenforced } from './policy-enforcer.js';
import { PolicyMetrics } from './policy-metrics.js';
import { openPolicyTable, type PolicyTableConfig } from './policy-table.js';

export interface PolicyContext {
  informers: SharedInformers;
  /** As who may follow all pods and namespaces; undefined when this node has no credentials for it. */
  client: Client | undefined;
  clock: Clock;
  logger: Logger;
  metrics: MetricsRegistry;
  events: EventRecorder;
}

const NO_CREDENTIALS =
  'it has no network.kubeconfig in its data directory, by which it would follow pods and namespaces; the server writes that file';
const NOT_BRIDGED = 'rules do not see what pods of one node send each other';

/** The NetworkPolicies on this node. Pods wait until it runs, and then until what isolates them is in the kernel. */
export class NodePolicies implements PodIsolation {
  /** Undefined: this node cannot enforce policies. */
  private readonly enforcer: Promise<{ enforcer: PolicyEnforcer; signal: AbortSignal } | undefined>;
  private begin!: (running: { enforcer: PolicyEnforcer; signal: AbortSignal } | undefined) => void;

  constructor(
    private readonly nodeName: string,
    private readonly config: PolicyTableConfig,
  ) {
    this.enforcer = new Promise((resolve) => {
      this.begin = resolve;
    });
  }

  async isolate(pod: Pod, addresses: readonly string[]): Promise<void> {
    const running = await this.enforcer;
    // A pod of a manifest runs without an API server: it is isolated as soon as its policies are known.
    await running?.enforcer.isolate(pod, addresses, !isStatic(pod), running.signal);
  }

  release(uid: string): void {
    void this.enforcer.then((running) => running?.enforcer.release(uid));
  }

  async run({ client, metrics: registry, ...context }: PolicyContext, signal: AbortSignal): Promise<void> {
    const { nodeName, config } = this;
    const metrics = new PolicyMetrics(registry);
    const { logger } = context;
    const open = () => openPolicyTable(config);
    if (!client) {
      reportGap({ ...context, nodeName }, NO_CREDENTIALS);
      return this.begin(undefined);
    }
    const peers = new SharedInformers(client, { logger });
    try {
      const gap = () => (config.bridge === undefined ? undefined : bridgeGap());
      const enforcer = new PolicyEnforcer({ ...context, nodeName, metrics, peers, open, table: open(), gap });
      this.begin({ enforcer, signal });
      await enforcer.run(signal);
    } catch (error) {
      if (signal.aborted) return;
      reportUnenforced({ ...context, nodeName, peers }, (error as Error).message);
      peers.start(signal);
      this.begin(undefined);
    }
  }
}

/** Why frames between pods of a bridge pass no rules of IP; undefined when they do. */
export function bridgeGap(root = '/proc/sys'): string | undefined {
  for (const name of ['bridge-nf-call-iptables', 'bridge-nf-call-ip6tables']) {
    try {
      if (readFileSync(`${root}/net/bridge/${name}`, 'utf8').trim() === '1') continue;
      return `net.bridge.${name} is off, so that ${NOT_BRIDGED}`;
    } catch {
      return `the kernel module br_netfilter is not loaded, so that ${NOT_BRIDGED}`;
    }
  }
  return undefined;
}

/** Takes the rules off the node. A machine that cannot enforce policies has none. */
export async function cleanupPolicies(): Promise<void> {
  let table: ReturnType<typeof openPolicyTable>;
  try {
    table = openPolicyTable({ bridge: undefined, ipvs: false });
  } catch {
    return;
  }
  await table.cleanup();
}
