import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { BUSYBOX_IMAGE } from '#testing';
import type { AgentOptions } from '../../agent-options.js';
import type { Container, Pod } from '../../pod/pod.js';
import type { CgroupDriver } from '../../runtime/cgroup-driver.js';
import { AgentHarness } from '../agent-harness.js';
import { CgroupFiles, type Curve } from './cgroup-files.js';

/** Emulated processors are slow. Milliseconds. */
export const PATIENCE = 180_000;
export const PODS = { group: '', version: 'v1', resource: 'pods' };
/** Processes that a pod may have on this node. */
export const PIDS_LIMIT = 40;

/** What a row of the ring asks of `main.ts`, as JSON. */
export interface CheckedSetup {
  driver: CgroupDriver;
  /** The program that containerd starts containers with. */
  program: 'runc' | 'crun';
  curve: Curve;
  /** Pods that are started at once; none on a machine that is too slow for it. */
  pods: number;
  /** Leaves out memory policies and eviction, which start many pods. */
  short: boolean;
}

/** An agent with its own containerd, the cgroups of its pods, and the checks that were made. */
export class CgroupBench {
  readonly files: CgroupFiles;
  failed = 0;

  private constructor(
    readonly setup: CheckedSetup,
    readonly harness: AgentHarness,
  ) {
    this.files = new CgroupFiles(setup.driver, setup.curve);
  }

  static async start(setup: CheckedSetup): Promise<CgroupBench> {
    const { driver: cgroupDriver, program } = setup;
    const harness = await AgentHarness.start({ cgroupRoot: '', podPidsLimit: PIDS_LIMIT }, { cgroupDriver, program });
    return new CgroupBench(setup, harness);
  }

  /** Prints what came out. The next check runs in any case. */
  async check(name: string, work: () => Promise<void>): Promise<void> {
    const begun = Date.now();
    try {
      await work();
      console.log(`ok ${name} (${((Date.now() - begun) / 1000).toFixed(1)} s)`);
    } catch (error) {
      this.failed++;
      console.log(`FAIL ${name}: ${(error as Error).stack}`);
    }
  }

  /** The agent goes on with other options; its pods run on. */
  async restartAgent(change: Partial<AgentOptions>): Promise<void> {
    this.harness.agent.close();
    this.harness.change(change);
    await this.harness.startAgent();
  }

  running(name: string): Promise<Pod> {
    return this.harness.until(
      name,
      ({ status }) => status.containerStatuses?.every(({ started }) => started),
      PATIENCE,
    );
  }

  /** Creates a pod, and waits until it runs. */
  async run(name: string, ...[spec]: Tail<Parameters<AgentHarness['create']>>): Promise<Pod> {
    await this.harness.create(name, spec);
    return this.running(name);
  }

  async remove(...names: string[]): Promise<void> {
    for (const name of names) await this.harness.client.delete(PODS, 'default', name);
    for (const name of names) await eventually(`pod ${name} is gone`, async () => !(await this.harness.pod(name)));
  }

  /** Output of a command in the pod's first container, whatever its status. */
  exec(name: string, script: string): Promise<string> {
    return this.harness.exec(name, 'sh', '-c', script);
  }

  async close(): Promise<void> {
    this.harness.agent.close();
    await this.harness.environment.stop();
  }
}

type Tail<T extends unknown[]> = T extends [unknown, ...infer R] ? R : never;

export const container = (script: string, resources: object = {}, rest: Partial<Container> = {}): Container => ({
  name: 'main',
  image: BUSYBOX_IMAGE,
  command: ['sh', '-c', script],
  resources: resources as never,
  ...rest,
});

/** A container that takes so much memory and keeps it: `dd` waits with its buffer for a reader. */
export const holdMemory = (mebibytes: number) =>
  `dd if=/dev/zero bs=${mebibytes}M count=1 2>/dev/null | (sleep 1000; cat >/dev/null)`;

export async function eventually(what: string, holds: () => boolean | Promise<boolean>): Promise<void> {
  const end = Date.now() + PATIENCE;
  while (!(await holds())) {
    assert.ok(Date.now() < end, `never: ${what}`);
    await sleep(100);
  }
}
