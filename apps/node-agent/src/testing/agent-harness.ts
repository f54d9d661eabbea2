import { execFileSync } from 'node:child_process';
import { readdirSync, rmdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type EventRecorder, silentLogger } from '#client';
import type { PodSpec } from '#kinds';
import { ContainerdEnvironment, type ContainerdOptions } from '#testing';
import { NodeAgent } from '../agent.js';
import type { AgentOptions } from '../agent-options.js';
import type { Container, Pod } from '../pod/pod.js';
import { MemoryClient } from './memory-client.js';

const PODS = { group: '', version: 'v1', resource: 'pods' };

export interface RecordedEvent {
  name: string;
  reason: string;
  message: string;
}

/** One agent on a containerd of its own, with an API server in memory. */
export class AgentHarness {
  readonly client = new MemoryClient();
  readonly events: RecordedEvent[] = [];
  agent!: NodeAgent;
  private sequence = 0;

  private constructor(
    readonly environment: ContainerdEnvironment,
    private overrides: Partial<AgentOptions>,
  ) {}

  static async start(overrides: Partial<AgentOptions> = {}, runtime: ContainerdOptions = {}): Promise<AgentHarness> {
    const harness = new AgentHarness(await ContainerdEnvironment.start(runtime), overrides);
    await harness.startAgent();
    return harness;
  }

  get cgroupRoot(): string {
    return `berth-test-${this.environment.bridge}`;
  }

  get options(): AgentOptions {
    const { directory, socket } = this.environment;
    return {
      dataDir: join(directory, 'data'),
      kubeconfig: '',
      nodeName: 'node-1',
      nodeIps: ['192.0.2.10'],
      runtimeEndpoint: socket,
      cgroupDriver: undefined,
      cgroupRoot: this.cgroupRoot,
      proxyMode: 'none',
      nodePortAddresses: '',
      ipvs: { scheduler: 'rr', strictArp: false, excludeCidrs: [], timeouts: { tcp: 0, tcpFin: 0, udp: 0 } },
      clusterDns: ['10.96.0.10'],
      clusterDomain: 'cluster.local',
      clusterCidr: '10.244.0.0/16',
      serviceClusterIpRange: '10.96.0.0/16',
      port: 10250,
      podLogsDir: join(directory, 'pod-logs'),
      enforcesPolicies: false,
      networkKubeconfig: join(directory, 'network.kubeconfig'),
      cniConfigDir: undefined,
      podPidsLimit: 0,
      memory: { swap: 'NoSwap', reservation: 'None', throttlingFactor: undefined },
      unsafeSysctls: [],
      podManifestPath: join(directory, 'manifests'),
      imagePolicy: { highPercent: 100, lowPercent: 100, minimumAge: 0 },
      evictionThresholds: [],
      logging: {},
      ...this.overrides,
    };
  }

  /** For the next agent that is started. */
  change(overrides: Partial<AgentOptions>): void {
    this.overrides = { ...this.overrides, ...overrides };
  }

  async startAgent(): Promise<void> {
    const recorder: EventRecorder = {
      event: (object, _type, reason, message) => {
        this.events.push({ name: object.metadata.name!, reason, message });
      },
    };
    await NodeAgent.start(this.options, this.client, recorder, silentLogger, (agent) => {
      this.agent = agent;
    });
  }

  async create(name: string, spec: Partial<PodSpec> & { containers: Container[] }, annotations = {}): Promise<Pod> {
    const metadata = { name, namespace: 'default', uid: `${name}-${++this.sequence}`, annotations };
    return this.client.create<Pod>(PODS, 'default', {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata,
      spec: { nodeName: 'node-1', restartPolicy: 'Always', terminationGracePeriodSeconds: 1, ...spec },
      status: { phase: 'Pending' },
    });
  }

  async pod(name: string): Promise<Pod | undefined> {
    return this.client.get<Pod>(PODS, 'default', name).catch(() => undefined);
  }

  /** Waits until the condition holds; the error shows the last status. */
  async until(name: string, holds: (pod: Pod) => boolean | undefined, ms = 20_000): Promise<Pod> {
    const end = Date.now() + ms;
    for (;;) {
      const pod = await this.pod(name);
      if (pod && holds(pod)) return pod;
      if (Date.now() > end) throw new Error(`pod ${name}: ${JSON.stringify(pod?.status, null, 1)}`);
      await sleep(5);
    }
  }

  running(name: string): Promise<Pod> {
    return this.until(
      name,
      (pod) => pod.status.phase === 'Running' && pod.status.containerStatuses?.every((c) => c.started),
    );
  }

  async delete(name: string): Promise<void> {
    await this.client.delete(PODS, 'default', name);
    const end = Date.now() + 20_000;
    while (await this.pod(name)) {
      if (Date.now() > end) throw new Error(`pod ${name} is still there`);
      await sleep(10);
    }
  }

  /** Output of a command in the pod's first container. */
  async exec(name: string, ...command: string[]): Promise<string> {
    const pod = (await this.pod(name))!;
    const id = pod.status.containerStatuses![0]!.containerID!.split('//')[1]!;
    return (await this.agent.runtime.execSync(id, command, 10)).stdout;
  }

  reasons(name: string): string[] {
    return this.events.filter((event) => event.name === name).map((event) => event.reason);
  }

  async close(): Promise<void> {
    this.agent.close();
    await this.environment.stop();
    for (const controller of readdirSync('/sys/fs/cgroup'))
      removeTree(join('/sys/fs/cgroup', controller, this.cgroupRoot));
    removeTree(join('/sys/fs/cgroup', this.cgroupRoot));
  }

  mounts(): string[] {
    const table = execFileSync('cat', ['/proc/self/mounts'], { encoding: 'utf8' });
    return table.split('\n').filter((line) => line.includes(`${this.environment.directory}/data/agent/pods`));
  }
}

function removeTree(path: string): void {
  try {
    for (const entry of readdirSync(path, { withFileTypes: true })) {
      if (entry.isDirectory()) removeTree(join(path, entry.name));
    }
    rmdirSync(path);
  } catch {
    // Not there, or still going.
  }
}
