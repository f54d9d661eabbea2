import type { Pod } from '../pod/pod.js';

export interface DnsSettings {
  clusterDns: string[];
  clusterDomain: string;
  /** The node's own resolver configuration, `/etc/resolv.conf` or what stands for it. */
  host: ResolvConf;
}

export interface ResolvConf {
  servers: string[];
  searches: string[];
  options: string[];
}

/** glibc before 2.26 reads six; kubelet's limits of today. */
const MAX_SERVERS = 3;
const MAX_SEARCHES = 32;
const MAX_SEARCH_CHARACTERS = 2048;
const CLUSTER_OPTIONS = ['ndots:5'];

export function parseResolvConf(text: string): ResolvConf {
  const result: ResolvConf = { servers: [], searches: [], options: [] };
  for (const line of text.split('\n')) {
    const [keyword, ...rest] = line.trim().split(/\s+/);
    if (!keyword || keyword.startsWith('#') || keyword.startsWith(';')) continue;
    if (keyword === 'nameserver' && rest[0]) result.servers.push(rest[0].replace(/%.*$/, ''));
    if (keyword === 'search') result.searches = rest.map((name) => (name === '.' ? name : name.replace(/\.$/, '')));
    if (keyword === 'options') result.options = rest;
  }
  return result;
}

/** What the pod's /etc/resolv.conf holds. */
export function podDns(pod: Pod, settings: DnsSettings): ResolvConf {
  const { spec, metadata } = pod;
  const { clusterDns, clusterDomain, host } = settings;
  let policy = spec.dnsPolicy ?? 'ClusterFirst';
  if (policy === 'ClusterFirst' && spec.hostNetwork) policy = 'Default';
  if (policy === 'ClusterFirstWithHostNet') policy = 'ClusterFirst';
  // Without a cluster DNS the node's resolver is all there is.
  if (policy === 'ClusterFirst' && clusterDns.length === 0) policy = 'Default';
  let base: ResolvConf;
  if (policy === 'None') base = { servers: [], searches: [], options: [] };
  else if (policy === 'ClusterFirst') {
    const searches = [`${metadata.namespace}.svc.${clusterDomain}`, `svc.${clusterDomain}`, clusterDomain];
    base = { servers: clusterDns, searches: unique([...searches, ...host.searches]), options: CLUSTER_OPTIONS };
  } else base = host;
  const config = spec.dnsConfig;
  const added = (config?.options ?? []).map(({ name = '', value }) =>
    value === undefined ? name : `${name}:${value}`,
  );
  return {
    servers: unique([...base.servers, ...(config?.nameservers ?? [])]).slice(0, MAX_SERVERS),
    searches: limitSearches(unique([...base.searches, ...(config?.searches ?? [])])),
    options: mergeOptions(base.options, added),
  };
}

function unique(items: string[]): string[] {
  return [...new Set(items)];
}

function limitSearches(searches: string[]): string[] {
  const kept: string[] = [];
  let length = 0;
  for (const search of searches.slice(0, MAX_SEARCHES)) {
    length += search.length + (kept.length > 0 ? 1 : 0);
    if (length > MAX_SEARCH_CHARACTERS) break;
    kept.push(search);
  }
  return kept;
}

/** Later ones of the same name win, in the first one's place. */
function mergeOptions(base: string[], added: string[]): string[] {
  const byName = new Map<string, string>();
  for (const option of [...base, ...added]) byName.set(option.split(':')[0]!, option);
  return [...byName.values()];
}

/** At most 63 characters, never ending in a separator: what the kernel takes as a host name. */
export function podHostname(pod: Pod, clusterDomain: string): { hostname: string; domain: string } {
  const { spec, metadata } = pod;
  if (typeof spec.hostnameOverride === 'string') return { hostname: spec.hostnameOverride, domain: '' };
  const hostname = spec.hostname || metadata.name.slice(0, 63).replace(/[-.]+$/, '');
  const domain = spec.subdomain ? `${spec.subdomain}.${metadata.namespace}.svc.${clusterDomain}` : '';
  return { hostname, domain };
}
