import { spawnSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import { networkInterfaces } from 'node:os';
import { join } from 'node:path';
import type { Clock, Logger, SharedInformers } from '#client';
import { gvr, type Node } from '#kinds';
import type { MetricsRegistry } from '#telemetry';
import { bridgeName, hasForeignCniConfig, removeCniConfig, writeCniConfig } from './cni-config.js';
import { type NetfilterConfig, openIptables, type RuleProxy } from './netfilter.js';
import { applySysctls } from './network-sysctls.js';
import { ServiceProxy } from './service-proxy.js';
import { ServiceProxyMetrics } from './service-proxy-metrics.js';

export interface NetworkOptions {
  informers: SharedInformers;
  nodeName: string;
  nodeIp: string;
  clusterCidr: string;
  /** Folder of the runtime's CNI configurations; undefined when the runtime is not ours to configure. */
  cniConfigDir: string | undefined;
  clock: Clock;
  logger: Logger;
  metrics: MetricsRegistry;
  signal: AbortSignal;
}

/** Starts what this node does for the network of its pods: CNI configuration and service rules. */
export function startNetwork(options: NetworkOptions): { proxy: ServiceProxy } {
  const { informers, nodeName, clusterCidr, logger, signal } = options;
  applySysctls(logger);
  const config: NetfilterConfig = { clusterCidr, localhostNodePorts: true };
  const rules = serialized(openIptables(config));
  const proxy = new ServiceProxy({
    informers,
    rules,
    nodeName,
    clock: options.clock,
    logger,
    metrics: new ServiceProxyMetrics(options.metrics),
  });
  const follow = (node: Node) => {
    const podCidr = node.spec?.podCIDR;
    if (!podCidr) return;
    if (
      options.cniConfigDir &&
      !hasForeignCniConfig(options.cniConfigDir) &&
      writeCniConfig(options.cniConfigDir, podCidr, mtuOf(options.nodeIp))
    ) {
      logger.info('pod network configured', { podCidr });
    }
    rules.setConfig(JSON.stringify({ ...config, podCidr }));
    proxy.requestSync();
  };
  informers.for<Node>(gvr.nodes, { fieldSelector: `metadata.name=${nodeName}` }).addHandler({
    add: follow,
    update: (old, node) => {
      if (old.spec?.podCIDR !== node.spec?.podCIDR) follow(node);
    },
  });
  void proxy.run(signal).catch((error: unknown) => {
    if (!signal.aborted) logger.error('service proxy ended', { error });
  });
  return { proxy };
}

/** Takes everything off the node that `startNetwork` and the CNI plugins left: rules, bridge, configuration, leases. */
export async function cleanupNetwork(cniConfigDir: string | undefined): Promise<void> {
  await openIptables({ localhostNodePorts: false }).cleanup();
  removeHostPortChains();
  spawnSync('ip', ['link', 'delete', bridgeName], { stdio: 'ignore' });
  if (!cniConfigDir) return;
  removeCniConfig(cniConfigDir);
  rmSync(join(cniConfigDir, '..', 'leases'), { recursive: true, force: true });
}

/** The portmap plugin never removes its shared chains; once no pod has a host port they are empty, and can go. */
function removeHostPortChains(): void {
  const nat = (...args: string[]) => spawnSync('iptables', ['-w', '10', '-t', 'nat', ...args], { encoding: 'utf8' });
  const rules = nat('-S').stdout?.split('\n') ?? [];
  const shared = ['CNI-HOSTPORT-DNAT', 'CNI-HOSTPORT-SETMARK', 'CNI-HOSTPORT-MASQ'];
  if (rules.some((rule) => /^-A CNI-HOSTPORT-DNAT /.test(rule))) return;
  for (const rule of rules) {
    const jump = /^-A (PREROUTING|OUTPUT|POSTROUTING) .*-j (CNI-HOSTPORT-\S+)$/.exec(rule);
    if (jump)
      nat(
        '-D',
        ...rule
          .slice(3)
          .match(/"[^"]*"|\S+/g)!
          .map((word) => word.replace(/^"|"$/g, '')),
      );
  }
  for (const chain of shared) {
    if (!rules.includes(`-N ${chain}`)) continue;
    nat('-F', chain);
    nat('-X', chain);
  }
}

/** Settings may come while a sync is under way: they wait for it, since native/netfilter works on one thing at a time. */
function serialized(rules: RuleProxy): RuleProxy {
  let last: Promise<unknown> = Promise.resolve();
  let config: string | undefined;
  const after = <T>(work: () => Promise<T>): Promise<T> => {
    const next = last.then(work, work);
    last = next.catch(() => {});
    return next;
  };
  return {
    setConfig: (text) => {
      config = text;
    },
    setService: (key, service) => rules.setService(key, service),
    sync: () =>
      after(() => {
        if (config !== undefined) rules.setConfig(config);
        config = undefined;
        return rules.sync();
      }),
    verify: () => after(() => rules.verify()),
    cleanup: () => after(() => rules.cleanup()),
  };
}

/** Pods must not send larger packets than the node's own link takes. */
function mtuOf(nodeIp: string): number | undefined {
  const name = Object.entries(networkInterfaces()).find(([, addresses]) =>
    addresses?.some((address) => address.address === nodeIp),
  )?.[0];
  if (!name || name === 'lo') return undefined;
  const output = spawnSync('ip', ['-o', 'link', 'show', name], { encoding: 'utf8' }).stdout ?? '';
  const mtu = Number(/ mtu (\d+) /.exec(output)?.[1]);
  return mtu > 0 ? mtu : undefined;
}
