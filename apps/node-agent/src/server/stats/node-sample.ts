// biome-ignore lint/style/noRestrictedImports: only the kernel's own files, below /proc.
import { readFile } from 'node:fs/promises';
import type { InterfaceSample, UsageSample } from './samples.js';

/** The kernel's USER_HZ, which is 100 on every architecture that Node runs on: nanoseconds of one tick. */
const TICK = 1e7;

export interface NodeSample extends UsageSample {
  /** When the machine started; ms. */
  bootTime: number;
  swap: { available: number; usage: number };
  network: { main: InterfaceSample | undefined; all: InterfaceSample[] };
}

/** What the kernel says of the whole machine. `root` is /proc. */
export async function sampleNode(now: () => number, root = '/proc'): Promise<NodeSample> {
  const read = (name: string) => readFile(`${root}/${name}`, 'utf8').catch(() => '');
  const [stat, meminfo, vmstat, dev, route] = await Promise.all([
    read('stat'),
    read('meminfo'),
    read('vmstat'),
    // Of the first process: this one may be in a network namespace of its own.
    read('1/net/dev').then((text) => text || read('net/dev')),
    read('net/route'),
  ]);
  const kib = (name: string) => Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(meminfo)?.[1] ?? 0) * 1024;
  const counter = (name: string) => Number(new RegExp(`^${name} (\\d+)`, 'm').exec(vmstat)?.[1] ?? 0);
  const usage = kib('MemTotal') - kib('MemFree');
  const workingSet = Math.max(0, usage - kib('Inactive\\(file\\)'));
  const all = parseNetDev(dev);
  const main = defaultInterface(route);
  return {
    time: now(),
    cpuNanoseconds: busyTicks(stat) * TICK,
    memory: {
      usage,
      workingSet,
      rss: kib('AnonPages'),
      pageFaults: counter('pgfault'),
      majorPageFaults: counter('pgmajfault'),
      available: Math.max(0, kib('MemTotal') - workingSet),
    },
    swap: { available: kib('SwapFree'), usage: kib('SwapTotal') - kib('SwapFree') },
    bootTime: Number(/^btime (\d+)/m.exec(stat)?.[1] ?? 0) * 1000,
    network: { main: all.find(({ name }) => name === main) ?? all[0], all },
  };
}

/** user, nice, system, (idle, iowait,) irq, softirq, steal; the guests' time is in user and nice already. */
function busyTicks(stat: string): number {
  const fields = /^cpu +(.*)$/m.exec(stat)?.[1]?.split(' ').map(Number) ?? [];
  return [0, 1, 2, 5, 6, 7].reduce((sum, index) => sum + (fields[index] ?? 0), 0);
}

/** Without loopback and the node's ends of the pods' cables. */
export function parseNetDev(text: string): InterfaceSample[] {
  const interfaces: InterfaceSample[] = [];
  for (const line of text.split('\n').slice(2)) {
    const [name, rest] = line.split(':');
    if (rest === undefined) continue;
    const trimmed = name!.trim();
    if (trimmed === 'lo' || trimmed.startsWith('veth')) continue;
    const fields = rest.trim().split(/\s+/).map(Number);
    interfaces.push({
      name: trimmed,
      rxBytes: fields[0] ?? 0,
      rxErrors: fields[2] ?? 0,
      txBytes: fields[8] ?? 0,
      txErrors: fields[10] ?? 0,
    });
  }
  return interfaces;
}

function defaultInterface(route: string): string | undefined {
  for (const line of route.split('\n')) {
    const [name, destination] = line.split('\t');
    if (destination === '00000000') return name;
  }
  return undefined;
}
