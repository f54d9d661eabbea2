import { existsSync, readFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { hostname, networkInterfaces } from 'node:os';
import { nthAddress, ownValue } from '#apimachinery';
import type { Flag, Values } from './flags.js';
import { defaultDataDir, isRoot, type Layout, layoutOf } from './layout.js';
import { writePrivately } from './up/private-files.js';
import { CliError, UsageError } from './verb.js';

/** What `berth up` was told, with defaults filled in; kept in the data directory, so that the next `up` needs no flags. */
export interface Settings {
  node: boolean;
  nodeName: string;
  nodeIp: string;
  bindAddress: string;
  securePort: number;
  agentPort: number;
  dnsPort: number;
  /** Comma-separated nameservers for names outside the cluster; '' means those of /etc/resolv.conf. */
  dnsUpstream: string;
  /** '' means the embedded server. */
  databaseUrl: string;
  /** Other servers use the database as well. */
  sharedDatabase: boolean;
  clusterCidr: string;
  serviceCidr: string;
  nodePortRange: string;
  clusterDomain: string;
  /** '' means a containerd of our own. */
  containerRuntimeEndpoint: string;
  /** `auto`: systemd's where it is process 1, unless the runtime is the user's own. */
  cgroupDriver: 'cgroupfs' | 'systemd' | 'auto';
  proxyMode: 'iptables' | 'auto';
  /** Parts that the server runs. */
  components: string;
  /** Cgroup below which pods' cgroups are made, e.g. `/`. */
  cgroupRoot: string;
  /** Policies that nothing enforces yet are refused, not only warned of. */
  refuseUnenforced: boolean;
}

export const dataDirFlag: Flag = {
  name: 'data-dir',
  argument: 'DIR',
  help: 'folder of all state',
  default: defaultDataDir(),
};

export const upFlags: readonly Flag[] = [
  dataDirFlag,
  { name: 'no-node', help: 'run only the control plane: needs no root' },
  { name: 'node-name', argument: 'NAME', help: 'name of the Node object', default: 'host name' },
  {
    name: 'node-ip',
    argument: 'IP',
    help: 'address by which other nodes and pods reach this node',
    default: 'that of the default route',
  },
  { name: 'bind-address', argument: 'IP', help: 'address the API listens on', default: '0.0.0.0' },
  { name: 'secure-port', argument: 'PORT', help: 'port of the API', default: '6443' },
  { name: 'agent-port', argument: 'PORT', help: 'port of the node server', default: '10250' },
  { name: 'dns-port', argument: 'PORT', help: 'port of cluster DNS on the node', default: '10053' },
  {
    name: 'dns-upstream',
    argument: 'IP,...',
    help: 'nameservers for names outside the cluster',
    default: 'those of /etc/resolv.conf',
  },
  { name: 'database-url', argument: 'URL', help: 'your own PostgreSQL; also $DATABASE_URL', default: 'embedded' },
  {
    name: 'shared-database',
    argument: 'BOOL',
    help: 'several servers use the database: true or false',
    default: 'false',
  },
  { name: 'cluster-cidr', argument: 'CIDR', help: 'addresses of pods', default: '10.244.0.0/16' },
  {
    name: 'service-cluster-ip-range',
    argument: 'CIDR',
    help: 'addresses of Services, IPv4[,IPv6]',
    default: '10.96.0.0/16',
  },
  { name: 'service-node-port-range', argument: 'A-B', help: 'ports of NodePort Services', default: '30000-32767' },
  { name: 'cluster-domain', argument: 'NAME', help: 'domain of cluster DNS', default: 'cluster.local' },
  {
    name: 'container-runtime-endpoint',
    argument: 'SOCKET',
    help: 'socket of your own CRI v1 runtime',
    default: "Berth's own containerd",
  },
  { name: 'cgroup-driver', argument: 'NAME', help: 'cgroupfs, systemd or auto', default: 'auto' },
  { name: 'proxy-mode', argument: 'NAME', help: 'iptables or auto', default: 'auto' },
  {
    name: 'components',
    argument: 'LIST',
    help: 'components that the server runs',
    default: 'api,controllers,scheduler',
  },
  { name: 'cgroup-root', argument: 'PATH', help: 'parent of the cgroups of pods', default: '/' },
  {
    name: 'refuse-unenforced',
    argument: 'true|false',
    help: 'refuse policies that Berth does not enforce yet',
    default: 'false',
  },
  { name: 'timeout', argument: 'SECONDS', help: 'how long to wait for the cluster', default: '120' },
];

/** Settings of an earlier `up`, if there was one. */
export function loadSettings(layout: Layout): Settings | undefined {
  if (!existsSync(layout.settings)) return undefined;
  const damaged = (why: string) =>
    new CliError(`${layout.settings} is damaged (${why}): repair it, or remove it and pass your flags again`);
  let settings: Settings;
  try {
    // What a later version added is not in the file of an earlier one.
    settings = {
      dnsUpstream: '',
      refuseUnenforced: false,
      sharedDatabase: false,
      ...(JSON.parse(readFileSync(layout.settings, 'utf8')) as Omit<
        Settings,
        'dnsUpstream' | 'refuseUnenforced' | 'sharedDatabase'
      >),
    };
  } catch (error) {
    if (error instanceof SyntaxError) throw damaged(error.message.split('\n')[0]!);
    throw error;
  }
  for (const [name, type] of Object.entries(SETTING_TYPES)) {
    if (typeof settings[name as keyof Settings] !== type) throw damaged(`${name} must be a ${type}`);
  }
  return settings;
}

const SETTING_TYPES: Record<keyof Settings, 'string' | 'number' | 'boolean'> = {
  node: 'boolean',
  nodeName: 'string',
  nodeIp: 'string',
  bindAddress: 'string',
  securePort: 'number',
  agentPort: 'number',
  dnsPort: 'number',
  dnsUpstream: 'string',
  databaseUrl: 'string',
  sharedDatabase: 'boolean',
  clusterCidr: 'string',
  serviceCidr: 'string',
  nodePortRange: 'string',
  clusterDomain: 'string',
  containerRuntimeEndpoint: 'string',
  cgroupDriver: 'string',
  proxyMode: 'string',
  components: 'string',
  cgroupRoot: 'string',
  refuseUnenforced: 'boolean',
};

export function saveSettings(layout: Layout, settings: Settings): void {
  writePrivately(layout.settings, `${JSON.stringify(settings, null, 2)}\n`);
}

export function dataDirOf(values: Values): Layout {
  return layoutOf((values['data-dir'] as string | undefined) ?? defaultDataDir());
}

/** Flags over the last settings over defaults; every value is checked and a bad one named by its flag. */
export function resolveSettings(values: Values, last: Settings | undefined): Settings {
  const text = (flag: string) => ownValue(values, flag) as string | undefined;
  const port = (flag: string, otherwise: number) => {
    const value = text(flag);
    if (value === undefined) return otherwise;
    const number = Number(value);
    if (!Number.isInteger(number) || number < 1 || number > 65535)
      throw new UsageError(`--${flag}: must be a port number (1-65535): got ${value}`);
    return number;
  };
  const cidr = (flag: string, otherwise: string, longest: number, value = text(flag) ?? otherwise) => {
    if (!isRange(value, 4, 8, longest)) {
      throw new UsageError(
        `--${flag}: must be an IPv4 range from /8 to /${longest}, such as ${otherwise}: got ${value}`,
      );
    }
    return canonical(value);
  };
  /** Nodes reach Services by IPv4, so it comes first; the addresses of the second family are given out all the same. */
  const serviceRanges = (flag: string, otherwise: string, longest: number) => {
    const [first, second, ...more] = (text(flag) ?? otherwise).split(',');
    const ranges = [cidr(flag, otherwise, longest, first)];
    if (second !== undefined) {
      if (more.length > 0 || !isRange(second, 6, 64, 126)) {
        throw new UsageError(`--${flag}: only one IPv6 range, such as fd00:10:96::/112, can follow the IPv4 range`);
      }
      ranges.push(canonical(second));
    }
    return ranges.join(',');
  };
  const oneOf = <T extends string>(flag: string, choices: readonly T[], otherwise: T): T => {
    const value = (text(flag) as T | undefined) ?? otherwise;
    if (!choices.includes(value)) throw new UsageError(`--${flag}: must be one of ${choices.join(', ')}: got ${value}`);
    return value;
  };
  const ip = (flag: string, otherwise: string) => {
    const value = text(flag) ?? otherwise;
    if (!isIP(value)) throw new UsageError(`--${flag}: must be an IP address: got ${value}`);
    return value;
  };
  const nodeName = (text('node-name') ?? last?.nodeName ?? hostname()).toLowerCase();
  if (!/^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$/.test(nodeName))
    throw new UsageError(`--node-name: must be a DNS name: got ${nodeName}`);
  const nodePortRange = text('service-node-port-range') ?? last?.nodePortRange ?? '30000-32767';
  if (!/^\d+-\d+$/.test(nodePortRange))
    throw new UsageError(`--service-node-port-range: must have the form A-B: got ${nodePortRange}`);
  const clusterCidr = cidr('cluster-cidr', last?.clusterCidr ?? '10.244.0.0/16', 24);
  const serviceCidr = serviceRanges('service-cluster-ip-range', last?.serviceCidr ?? '10.96.0.0/16', 28);
  if (overlap(clusterCidr, serviceCidr.split(',')[0]!))
    throw new UsageError(`--cluster-cidr ${clusterCidr} and --service-cluster-ip-range ${serviceCidr} overlap`);
  if (last && last.serviceCidr !== serviceCidr) {
    throw new UsageError(
      `--service-cluster-ip-range: the cluster was created with ${last.serviceCidr}, which cannot change; run 'berth delete' first`,
    );
  }
  return {
    node: values['no-node'] ? false : isRoot,
    nodeName,
    nodeIp: ip('node-ip', last?.nodeIp ?? defaultAddress()),
    bindAddress: ip('bind-address', last?.bindAddress ?? '0.0.0.0'),
    securePort: port('secure-port', last?.securePort ?? 6443),
    agentPort: port('agent-port', last?.agentPort ?? 10250),
    dnsPort: port('dns-port', last?.dnsPort ?? 10053),
    dnsUpstream: upstream(text('dns-upstream') ?? last?.dnsUpstream ?? ''),
    databaseUrl: databaseUrl(text('database-url') ?? process.env.DATABASE_URL ?? last?.databaseUrl ?? ''),
    sharedDatabase: oneOf('shared-database', ['true', 'false'], String(last?.sharedDatabase ?? false)) === 'true',
    clusterCidr,
    serviceCidr,
    nodePortRange,
    clusterDomain: text('cluster-domain') ?? last?.clusterDomain ?? 'cluster.local',
    containerRuntimeEndpoint: (text('container-runtime-endpoint') ?? last?.containerRuntimeEndpoint ?? '').replace(
      /^unix:\/\//,
      '',
    ),
    cgroupDriver: oneOf('cgroup-driver', ['cgroupfs', 'systemd', 'auto'], last?.cgroupDriver ?? 'auto'),
    proxyMode: oneOf('proxy-mode', ['iptables', 'auto'], last?.proxyMode ?? 'auto'),
    components: components(text('components') ?? last?.components ?? COMPONENTS.join(',')),
    cgroupRoot: text('cgroup-root') ?? last?.cgroupRoot ?? '/',
    refuseUnenforced: oneOf('refuse-unenforced', ['true', 'false'], String(last?.refuseUnenforced ?? false)) === 'true',
  };
}

const COMPONENTS = ['api', 'controllers', 'scheduler'];

function components(value: string): string {
  for (const part of value.split(','))
    if (!COMPONENTS.includes(part))
      throw new UsageError(`--components: must be one of ${COMPONENTS.join(', ')}: got ${part}`);
  return value;
}

/** `address` or `address:port`, several with commas, as berth-dns reads them. */
function upstream(value: string): string {
  for (const server of value === '' ? [] : value.split(',')) {
    const [address = '', port = '53', more] = isIP(server) ? [server] : server.split(':');
    if (!isIP(address) || !/^\d+$/.test(port) || more !== undefined)
      throw new UsageError(`--dns-upstream: must be an IP address, with or without a port: got ${server}`);
  }
  return value;
}

function databaseUrl(value: string): string {
  if (value !== '' && !/^postgres(ql)?:\/\//.test(value))
    throw new UsageError('--database-url: must begin with postgres:// or postgresql://');
  return value;
}

/** The address of the interface that the default route leaves by; loopback when the machine has no other. */
function defaultAddress(): string {
  let device: string | undefined;
  try {
    const routes = readFileSync('/proc/net/route', 'utf8').trim().split('\n').slice(1);
    device = routes.map((line) => line.split('\t')).find((fields) => fields[1] === '00000000')?.[0];
  } catch {
    // Not Linux, or no /proc: any address will do.
  }
  const interfaces = networkInterfaces();
  const named = device ? (ownValue(interfaces, device) ?? []) : [];
  const all = [...named, ...Object.values(interfaces).flatMap((addresses) => addresses ?? [])];
  return all.find((address) => address.family === 'IPv4' && !address.internal)?.address ?? '127.0.0.1';
}

/** What lies behind the prefix says nothing: 10.96.5.7/16 is 10.96.0.0/16. */
function canonical(range: string): string {
  return `${nthAddress(range, 0)}/${range.split('/')[1]}`;
}

function isRange(value: string, version: 4 | 6, from: number, to: number): boolean {
  const [address = '', bits = '', ...more] = value.split('/');
  if (isIP(address) !== version || more.length > 0 || !/^\d+$/.test(bits)) return false;
  return Number(bits) >= from && Number(bits) <= to;
}

function overlap(a: string, b: string): boolean {
  const parse = (cidr: string) => {
    const [address, bits] = cidr.split('/') as [string, string];
    const number = address.split('.').reduce((sum, part) => sum * 256 + Number(part), 0);
    const size = 2 ** (32 - Number(bits));
    const start = Math.floor(number / size) * size;
    return [start, start + size] as const;
  };
  const [aStart, aEnd] = parse(a);
  const [bStart, bEnd] = parse(b);
  return aStart < bEnd && bStart < aEnd;
}
