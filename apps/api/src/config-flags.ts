import { homedir, networkInterfaces } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { LOG_FORMATS, LOG_LEVELS, type LogOptions } from '#telemetry';
import { IpRange, PortRange, parseServiceRanges } from './kinds/services/ip-range.js';

/** Settings of the server process. */
export interface ServerConfig {
  dataDir: string;
  bindAddress: string;
  securePort: number;
  advertiseAddress: string;
  databaseUrl: string;
  /** Other servers use the database as well: each consistent read asks it. */
  sharedDatabase: boolean;
  serviceClusterIpRange: string;
  clusterCidr: string;
  clusterDomain: string;
  clusterDnsPort: number;
  serviceNodePortRange: string;
  localNode: { name: string; ip: string } | undefined;
  components: ReadonlySet<Component>;
  refuseUnenforced: boolean;
  /** Parts that the cluster is to be without. */
  disabled: ReadonlySet<DisabledPart>;
  logging: LogOptions;
  /** Make OpenTelemetry spans. */
  tracing: boolean;
}

export type Component = 'api' | 'controllers' | 'scheduler';
export type DisabledPart = 'local-storage';
const PARTS: readonly DisabledPart[] = ['local-storage'];
const COMPONENTS: readonly Component[] = ['api', 'controllers', 'scheduler'];

/** A flag that cannot be used; the message names it. */
export class FlagError extends Error {
  override readonly name = 'FlagError';
}

const FLAGS = {
  'data-dir': { type: 'string', help: 'folder of keys and kubeconfigs' },
  'bind-address': { type: 'string', help: 'address to listen on', default: '0.0.0.0' },
  'secure-port': { type: 'string', help: 'port to listen on', default: '6443' },
  'advertise-address': { type: 'string', help: 'address by which others reach this server' },
  'database-url': { type: 'string', help: 'PostgreSQL that stores the state (default: DATABASE_URL)' },
  'shared-database': {
    type: 'boolean',
    help: 'several servers use the database: each consistent read asks it',
  },
  'service-cluster-ip-range': {
    type: 'string',
    help: 'addresses of Services, one CIDR for each IP family',
    default: '10.96.0.0/16',
  },
  'cluster-cidr': { type: 'string', help: 'addresses of pods', default: '10.244.0.0/16' },
  'cluster-domain': { type: 'string', help: 'DNS domain of the cluster', default: 'cluster.local' },
  'cluster-dns-port': { type: 'string', help: 'port of cluster DNS on every node', default: '10053' },
  'service-node-port-range': { type: 'string', help: 'node ports of Services', default: '30000-32767' },
  'local-node-name': { type: 'string', help: 'create credentials for a node of this name' },
  'local-node-ip': { type: 'string', help: 'address of that node (default: the advertised one)' },
  components: { type: 'string', help: 'components that run in this process', default: COMPONENTS.join(',') },
  'refuse-unenforced': {
    type: 'string',
    help: 'refuse policies that Berth does not enforce yet (true, false)',
    default: 'false',
  },
  disable: { type: 'string', help: `parts to leave out: ${PARTS.join(', ')}` },
  'logging-format': { type: 'string', help: `format of the log: ${LOG_FORMATS.join(', ')}`, default: 'text' },
  'log-level': { type: 'string', help: `lowest level that is logged: ${LOG_LEVELS.join(', ')}`, default: 'info' },
  tracing: { type: 'boolean', help: 'create OpenTelemetry spans, for an SDK that is loaded at process start' },
  help: { type: 'boolean', help: 'show this help and exit' },
} as const;

/** The text of --help. */
export function usage(): string {
  const lines = Object.entries(FLAGS).map(([name, flag]) => {
    const shown = 'default' in flag ? `${flag.help} (default ${flag.default})` : flag.help;
    return `  --${name.padEnd(26)}${shown}`;
  });
  return `Usage: server [flags]\n\nThe API server, controllers and scheduler of a Berth cluster.\n\n${lines.join('\n')}\n`;
}

/** Undefined when help was asked for. Throws FlagError. */
export function parseFlags(args: readonly string[], env: NodeJS.ProcessEnv): ServerConfig | undefined {
  const values = readFlags(args);
  if (values.help) return undefined;
  const text = (name: keyof typeof FLAGS): string => {
    const flag = FLAGS[name];
    return (values[name] as string | undefined) ?? ('default' in flag ? flag.default : '');
  };
  const databaseUrl = text('database-url') || env.DATABASE_URL || '';
  if (databaseUrl === '') throw new FlagError('--database-url is required (or DATABASE_URL in the environment)');
  if (!/^postgres(ql)?:\/\//.test(databaseUrl)) throw new FlagError('--database-url must begin with postgresql://');
  const advertiseAddress = text('advertise-address') || ownAddress();
  const nodeName = text('local-node-name');
  return {
    dataDir: text('data-dir') || defaultDataDir(),
    bindAddress: text('bind-address'),
    securePort: port('secure-port', text('secure-port')),
    advertiseAddress,
    databaseUrl,
    sharedDatabase: values['shared-database'] === true,
    serviceClusterIpRange: checked('service-cluster-ip-range', text('service-cluster-ip-range'), (value) => {
      parseServiceRanges(value);
    }),
    clusterCidr: checked('cluster-cidr', text('cluster-cidr'), (value) => {
      const { family } = new IpRange(value.split(',')[0]!.trim());
      if (family !== 'IPv4') throw new Error('the first entry must be IPv4: the pod network has no other addresses');
    }),
    clusterDomain: checked('cluster-domain', text('cluster-domain'), (value) => {
      if (!/^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$/.test(value))
        throw new Error(`must be a DNS domain: got ${JSON.stringify(value)}`);
    }),
    clusterDnsPort: port('cluster-dns-port', text('cluster-dns-port')),
    serviceNodePortRange: checked('service-node-port-range', text('service-node-port-range'), (value) => {
      new PortRange(value);
    }),
    localNode: nodeName === '' ? undefined : { name: nodeName, ip: text('local-node-ip') || advertiseAddress },
    components: componentsOf(text('components')),
    refuseUnenforced: bool('refuse-unenforced', text('refuse-unenforced')),
    disabled: partsOf(text('disable')),
    tracing: values.tracing === true,
    logging: {
      format: oneOf('logging-format', text('logging-format'), LOG_FORMATS),
      level: oneOf('log-level', text('log-level'), LOG_LEVELS),
    },
  };
}

function readFlags(args: readonly string[]): Record<string, string | boolean | undefined> {
  try {
    const options = Object.fromEntries(Object.entries(FLAGS).map(([name, { type }]) => [name, { type }]));
    return parseArgs({ args: [...args], options, strict: true, allowPositionals: false }).values as never;
  } catch (error) {
    throw new FlagError((error as Error).message.split('. ')[0]!);
  }
}

function checked(name: string, value: string, check: (value: string) => void): string {
  try {
    check(value);
  } catch (error) {
    throw new FlagError(`--${name}: ${(error as Error).message}`);
  }
  return value;
}

/** 0 lets the system choose, for tests. */
function port(name: string, value: string): number {
  const number = Number(value);
  if (!/^\d+$/.test(value) || number > 65535)
    throw new FlagError(`--${name}: must be a port number: got ${JSON.stringify(value)}`);
  return number;
}

function oneOf<T extends string>(name: string, value: string, allowed: readonly T[]): T {
  if (!allowed.includes(value as T)) {
    throw new FlagError(`--${name}: must be one of ${allowed.join(', ')}: got ${JSON.stringify(value)}`);
  }
  return value as T;
}

function bool(name: string, value: string): boolean {
  if (value !== 'true' && value !== 'false') {
    throw new FlagError(`--${name}: must be true or false: got ${JSON.stringify(value)}`);
  }
  return value === 'true';
}

function componentsOf(value: string): ReadonlySet<Component> {
  const chosen = new Set<Component>();
  for (const item of value.split(',')) {
    const component = COMPONENTS.find((known) => known === item.trim());
    if (!component) {
      throw new FlagError(`--components: must be one of ${COMPONENTS.join(', ')}: got ${JSON.stringify(item)}`);
    }
    chosen.add(component);
  }
  return chosen;
}

function defaultDataDir(): string {
  return process.getuid?.() === 0 ? '/var/lib/berth' : join(homedir(), '.local/share/berth');
}

/** The first address of this machine that others may reach; loopback when there is none. */
function ownAddress(): string {
  for (const addresses of Object.values(networkInterfaces())) {
    const found = addresses?.find((item) => item.family === 'IPv4' && !item.internal);
    if (found) return found.address;
  }
  return '127.0.0.1';
}

function partsOf(text: string): ReadonlySet<DisabledPart> {
  const parts = text.split(',').filter((part) => part !== '') as DisabledPart[];
  for (const part of parts) {
    if (!PARTS.includes(part)) throw new FlagError(`--disable: must be some of ${PARTS.join(', ')}: got ${part}`);
  }
  return new Set(parts);
}
