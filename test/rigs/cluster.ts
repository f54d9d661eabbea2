import { setTimeout as sleep } from 'node:timers/promises';
import { Lan } from './lan.js';
import type { Outcome } from './machine.js';
import { SystemdV1 } from './systemd-v1.js';

/** `together POINT` in a script waits until every machine of the cluster is at that point. */
const TOGETHER = 'together() { touch "at-$1"; until [ -e "all-$1" ]; do sleep 0.2; done; }\n';
const POLL = 200;

/** Machines that run at once, on one network. */
export class Cluster {
  private readonly lan = new Lan();
  /** Of each machine, in order. */
  readonly addresses: readonly string[];
  private readonly machines: readonly SystemdV1[];

  constructor(size: number) {
    const ports = Array.from({ length: size }, () => this.lan.port());
    this.addresses = ports.map(({ address }) => address);
    this.machines = ports.map((lan) => new SystemdV1({ lan }));
  }

  /** Why this host cannot run it; undefined when it can. */
  static missing(): string | undefined {
    return new SystemdV1().missing();
  }

  /** Starts all machines, runs on each the script that its number gives, and ends with the last of them. */
  async run(script: (machine: number) => string, points: readonly string[], seconds: number): Promise<Outcome[]> {
    const ended = new AbortController();
    const meetings = points.map((point) => this.meet(point, ended.signal));
    try {
      return await Promise.all(this.machines.map((machine, index) => machine.run(TOGETHER + script(index), seconds)));
    } finally {
      ended.abort();
      await Promise.all(meetings);
    }
  }

  close(): void {
    for (const machine of this.machines) machine.close();
    this.lan.close();
  }

  private async meet(point: string, ended: AbortSignal): Promise<void> {
    while (!this.machines.every((machine) => machine.has(`at-${point}`))) {
      if (ended.aborted) return;
      await sleep(POLL);
    }
    for (const machine of this.machines) machine.put(`all-${point}`, '');
  }
}
