import { join } from 'node:path';
import { valueOfQuantity } from '#apimachinery';
import { defaultDataDir, type Flag, parseFlags, SettingError, usage, type Values } from '#settings';
import { MOST_NODES } from './hollow-addresses.js';

export interface HollowOptions {
  count: number;
  /** Of the first node: several processes can share a cluster. */
  first: number;
  namePrefix: string;
  kubeconfig: string;
  cpus: number;
  /** Bytes. */
  memory: number;
}

const FLAGS: readonly Flag[] = [
  { name: 'count', argument: 'N', help: 'nodes to play', default: '1' },
  {
    name: 'first',
    argument: 'N',
    help: 'number of the first node, for several processes on one cluster',
    default: '0',
  },
  {
    name: 'name-prefix',
    argument: 'TEXT',
    help: 'what names of nodes begin with, before their number',
    default: 'hollow-',
  },
  { name: 'cpus', argument: 'N', help: 'processors that each node is said to have', default: '32' },
  { name: 'memory', argument: 'QUANTITY', help: 'memory that each node is said to have', default: '256Gi' },
  {
    name: 'data-dir',
    argument: 'DIR',
    help: 'data directory of the Berth whose administrator is used',
    default: defaultDataDir(),
  },
  { name: 'kubeconfig', argument: 'FILE', help: 'another cluster', default: "this Berth's" },
];

/** Undefined when help was asked for. Throws SettingError, whose message names the flag. */
export function parseHollowOptions(args: readonly string[]): HollowOptions | undefined {
  const { values } = parseFlags(FLAGS, args);
  if (values.help) return undefined;
  const count = wholeNumber(values, 'count', 1, MOST_NODES);
  const first = wholeNumber(values, 'first', 0, MOST_NODES - count);
  const memory = valueOfQuantity(textOf(values, 'memory'));
  if (!(memory > 0)) throw new SettingError(`--memory: must be a quantity above zero: got ${textOf(values, 'memory')}`);
  return {
    count,
    first,
    namePrefix: prefixOf(values),
    cpus: wholeNumber(values, 'cpus', 1, 4096),
    memory,
    kubeconfig: (values['kubeconfig'] as string | undefined) ?? join(textOf(values, 'data-dir'), 'kubeconfig'),
  };
}

export function hollowUsage(): string {
  return usage(
    'berth hollow-node [--count N]',
    'Plays nodes: the agent of production on a container runtime that runs nothing. For tests of large clusters.',
    FLAGS,
  );
}

function textOf(values: Values, name: string): string {
  // own-lookup: a flag that is named here
  return (values[name] as string | undefined) ?? FLAGS.find((flag) => flag.name === name)!.default!;
}

function wholeNumber(values: Values, name: string, least: number, most: number): number {
  const text = textOf(values, name);
  const number = Number(text);
  if (/^\d+$/.test(text) && number >= least && number <= most) return number;
  throw new SettingError(`--${name}: must be a whole number from ${least} to ${most}: got ${text}`);
}

function prefixOf(values: Values): string {
  const prefix = textOf(values, 'name-prefix');
  if (/^[a-z0-9]([a-z0-9-]{0,40})$/.test(prefix)) return prefix;
  throw new SettingError(`--name-prefix: must be the beginning of a name of a node: got ${prefix}`);
}
