// What processes use, as /proc tells it.
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

/** Clock ticks of /proc/PID/stat in a second: what Linux tells user space, on every machine. */
const TICKS = 100;

/** Ids of the processes that are wanted, and of all below them. @param {(process: { pid: string, command: string }) => boolean} wanted */
export function processTree(wanted) {
  const processes = execFileSync('ps', ['-eo', 'pid=,ppid=,args='], { encoding: 'utf8' })
    .trim()
    .split('\n')
    .map((line) => /^\s*(\d+)\s+(\d+)\s+(.*)$/.exec(line))
    .map(([, pid, parent, command]) => ({ pid, parent, command }));
  const chosen = new Set(processes.filter(wanted).map(({ pid }) => pid));
  for (let grown = true; grown; ) {
    grown = false;
    for (const { pid, parent } of processes) {
      if (chosen.has(parent) && !chosen.has(pid)) grown = !!chosen.add(pid);
    }
  }
  chosen.delete(String(process.pid));
  return [...chosen];
}

/** Proportional set size in MB. */
export function memoryOf(pids) {
  const kilobytes = sum(pids, (pid) => /^Pss:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8'))?.[1]);
  return Math.round(kilobytes / 1024);
}

/** Seconds that they have run, those included that they have waited for. */
export function processorTimeOf(pids) {
  const ticks = sum(pids, (pid) => {
    // The name, in parentheses, may have spaces.
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1).split(' ');
    return [11, 12, 13, 14].reduce((total, at) => total + Number(fields[at]), 0);
  });
  return ticks / TICKS;
}

function sum(pids, read) {
  let total = 0;
  for (const pid of pids) {
    try {
      total += Number(read(pid) ?? 0);
    } catch {
      // It ended meanwhile.
    }
  }
  return total;
}
