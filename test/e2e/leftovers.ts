import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync, statSync } from 'node:fs';

/** What Berth might leave on a machine, as names that can be compared before and after. */
export interface MachineState {
  mounts: string[];
  namespaces: string[];
  links: string[];
  rules: string[];
  cgroups: string[];
  files: string[];
  processes: string[];
}

const WATCHED_FOLDERS = [
  '/var/lib',
  '/run',
  '/var/run',
  '/etc/cni',
  '/opt',
  '/var/log',
  '/run/netns',
  '/var/run/netns',
  '/etc',
  '/root',
];
const TEST_FOLDER = /^berth-[a-z]+-/;
const OUR_PROGRAMS = /berth|containerd|postgres|\/pause$/;

/** What a cluster may leave. `directory` and the namespace tell its processes from those of other Berths here. */
export interface Place {
  directory: string;
  /** Name of its network namespace. */
  network: string;
  /** Runs a command in that namespace. */
  now(command: string[]): string;
}

export function machineState(place: Place): MachineState {
  const inNetwork = (command: string[]) => place.now(command);
  return {
    mounts: lines(readFileSync('/proc/self/mounts', 'utf8')).map((line) => line.split(' ')[1]!),
    namespaces: list('/run/netns'),
    links: lines(inNetwork(['ip', '-o', 'link'])).map((line) => line.split(': ')[1]!.split('@')[0]!),
    rules: [
      ...['nat', 'filter', 'mangle', 'raw'].flatMap((table) =>
        lines(inNetwork(['iptables', '-w', '-t', table, '-S'])).map((rule) => `${table} ${rule}`),
      ),
      // The programs of iptables make tables of their own there, which stay.
      ...lines(inNetwork(['nft', 'list', 'tables'])).filter((table) => table.includes('berth')),
    ],
    cgroups: lines(execFileSync('find', ['/sys/fs/cgroup', '-type', 'd'], { encoding: 'utf8' })),
    files: [
      ...WATCHED_FOLDERS.flatMap((folder) => list(folder).map((name) => `${folder}/${name}`)),
      // Everybody writes to /tmp: only what looks like ours, and is no test's own folder.
      ...list('/tmp').filter((name) => /berth|containerd|runc|cni|postgres/.test(name) && !TEST_FOLDER.test(name)),
    ],
    processes: ourProcesses().filter((line) => line.includes(place.directory) || isInside(line, place.network)),
  };
}

/** Entries that are in `after` and not in `before`, by kind; empty when nothing was left behind. */
export function leftovers(before: MachineState, after: MachineState): Record<string, string[]> {
  const result: Record<string, string[]> = {};
  for (const kind of Object.keys(before) as (keyof MachineState)[]) {
    const known = new Set(before[kind]);
    const added = after[kind].filter((name) => !known.has(name));
    if (added.length > 0) result[kind] = added;
  }
  return result;
}

/** Pid and command line of every process that is, or may be, of a Berth. */
export function ourProcesses(): string[] {
  return list('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map((pid) => {
      try {
        return `${pid} ${readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim()}`;
      } catch {
        return '';
      }
    })
    .filter(
      (line) => OUR_PROGRAMS.test(line.split(' ')[1] ?? '') || /apps\/(api|node-agent)\/src\/main\.js/.test(line),
    );
}

function isInside(process: string, network: string): boolean {
  try {
    return statSync(`/proc/${Number.parseInt(process, 10)}/ns/net`).ino === statSync(`/run/netns/${network}`).ino;
  } catch {
    return false;
  }
}

function list(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

function lines(text: string): string[] {
  return text.split('\n').filter((line) => line !== '');
}
