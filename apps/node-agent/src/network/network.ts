import type { Client, Clock, EventRecorder, Logger, SharedInformers } from '#client';
import { hasCniPlugin } from '#host';
import type { MetricsRegistry } from '#telemetry';
import { noPodNetwork, type PodNetwork } from '../execute/step-services.js';
import { EndpointExit } from './endpoint-exit.js';
import { nodeFamilies, splitCidrs } from './families.js';
import { HealthChecks } from './health-checks.js';
import { type IpvsConfig, type NetfilterConfig, openRuleProxy } from './netfilter.js';
import { BRIDGE, cleanupNodeNetwork, type NetworkConfig, NodeNetwork, openNodeNetwork } from './node-network.js';
import { cleanupPolicies, NodePolicies } from './policy/node-policies.js';
import { ServiceProxy } from './service-proxy.js';
import { ServiceProxyMetrics } from './service-proxy-metrics.js';

export interface NetworkOptions {
  /** What serves Services, as `--proxy-mode` names it; `none`: another program. */
  proxyMode: string;
  /** NetworkPolicies are enforced here. */
  enforcesPolicies: boolean;
  nodeName: string;
  nodeIp: string;
  clusterCidr: string;
  serviceClusterIpRange: string;
  /** `primary`, ranges, or nothing for all addresses that the node has. */
  nodePortAddresses: string;
  nodeIps: readonly string[];
  ipvs: IpvsConfig;
  /** Folder of the runtime's CNI configurations; undefined when the runtime is not ours to configure. */
  cniConfigDir: string | undefined;
}

export interface NetworkContext {
  informers: SharedInformers;
  /** As who may follow all pods and namespaces; undefined when this node has no credentials for it. */
  policyClient: Client | undefined;
  clock: Clock;
  logger: Logger;
  metrics: MetricsRegistry;
  events: EventRecorder;
  signal: AbortSignal;
}

export interface PreparedNetwork {
  /** Holds pods back until it is started, and until what isolates them is in the kernel. */
  pods: PodNetwork;
  start(context: NetworkContext): void;
}

/**
 * Gives what starts the node's network, its service proxy and its policies. Throws ProxyModeError at once when this machine cannot
 * serve Services in that mode.
 */
export function prepareNetwork(options: NetworkOptions): PreparedNetwork {
  const { proxyMode, nodeName } = options;
  const open = () => openRuleProxy(proxyMode, netfilterConfig(options));
  const rules = servesServices(options) ? open() : undefined;
  const families = nodeFamilies(options.clusterCidr);
  const policyConfig = { bridge: bridgeOf(options), ipvs: proxyMode === 'ipvs' };
  const policies = options.enforcesPolicies ? new NodePolicies(nodeName, policyConfig) : undefined;
  const endpoints = new EndpointExit();
  const start = ({ signal, metrics, policyClient, ...context }: NetworkContext) => {
    const running = (what: string, run: Promise<void>): void => {
      run.catch((error: unknown) => {
        if (!signal.aborted) context.logger.error(`${what} ended`, { error });
      });
    };
    if (bridgeOf(options) && !hasCniPlugin('bandwidth')) {
      context.logger.info(
        'the CNI plugin bandwidth is missing: annotations that limit the bandwidth of pods have no effect',
      );
    }
    if (hasNodeNetwork(options)) {
      const network = openNodeNetwork(networkConfig(options));
      running('node network', new NodeNetwork({ ...context, nodeName, network }).run(signal));
    }
    if (rules) {
      const proxy = new ServiceProxy({
        ...context,
        rules,
        open,
        families,
        nodeName,
        healthChecks: new HealthChecks({ nodeName, events: context.events, logger: context.logger }),
        metrics: new ServiceProxyMetrics(metrics, rules.mode, families),
      });
      running('service proxy', proxy.run(signal));
      endpoints.start({ ...context, signal, rulesWritten: () => proxy.written() });
    }
    if (policies)
      running('enforcement of policies', policies.run({ ...context, metrics, client: policyClient }, signal));
  };
  return { pods: { isolation: policies ?? noPodNetwork.isolation, endpoints }, start };
}

/** Takes everything off the node that was made for these options, and what the CNI plugins left. */
export async function cleanupNetwork(options: NetworkOptions): Promise<void> {
  if (servesServices(options)) {
    const rules = openRuleProxy(options.proxyMode, netfilterConfig(options));
    await rules.cleanup();
    await rules.cleanUpOthers();
  }
  await cleanupPolicies();
  if (hasNodeNetwork(options)) await cleanupNodeNetwork(networkConfig(options));
}

function servesServices({ proxyMode }: NetworkOptions): boolean {
  return proxyMode !== 'none';
}

/** Who brings both the pod network and what serves Services wants nothing of ours in between. */
function hasNodeNetwork(options: NetworkOptions): boolean {
  return servesServices(options) || options.cniConfigDir !== undefined;
}

/** Undefined when another program brings the pods' network. */
function bridgeOf({ cniConfigDir }: NetworkOptions): string | undefined {
  return cniConfigDir === undefined ? undefined : BRIDGE;
}

function netfilterConfig(options: NetworkOptions): NetfilterConfig {
  const { clusterCidr, serviceClusterIpRange, nodePortAddresses } = options;
  return {
    families: nodeFamilies(clusterCidr),
    clusterCidrs: splitCidrs(clusterCidr),
    serviceCidrs: splitCidrs(serviceClusterIpRange),
    nodePortAddresses: nodePortAddresses === 'primary' ? options.nodeIps.map(hostRange) : splitCidrs(nodePortAddresses),
    localhostNodePorts: nodePortAddresses === '',
    ipvs: options.ipvs,
  };
}

/** The range of one address. */
function hostRange(address: string): string {
  return `${address}/${address.includes(':') ? 128 : 32}`;
}

function networkConfig(options: NetworkOptions): NetworkConfig {
  const { clusterCidr, nodeIp, cniConfigDir, enforcesPolicies } = options;
  return {
    clusterCidr,
    nodeIp,
    cniConfigDir,
    bandwidthPlugin: hasCniPlugin('bandwidth'),
    serviceRules: servesServices(options),
    policyRules: enforcesPolicies,
  };
}
