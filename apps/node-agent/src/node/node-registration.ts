import { bare, isAlreadyExists, isNotFound, type KubeObject, ownValue } from '#apimachinery';
import type { Client, EventRecorder, Logger } from '#client';
import type { CriRuntime } from '../runtime/cri.js';
import type { CriVersion } from '../runtime/cri-types.js';
import type { NodeFilesystems } from './filesystems.js';
import type { MachineFacts } from './machine.js';
import { newNode, nodeLabels, nodeStatus, sameNodeStatus } from './node-status.js';
import type { PressureCondition, Threshold } from './thresholds.js';

const NODES = { group: '', version: 'v1', resource: 'nodes' };
/** How often the status is worked out, and how often one that did not change is written all the same. Milliseconds. */
const CHECK = 10_000;
const CHECK_NOT_READY = 500;
const WRITE_UNCHANGED = 300_000;
const RETRY = 1000;
/** Reasons of the events that tell of a condition: when it begins to hold, and when it no longer does. */
const CONDITION_EVENTS = bare<[holds: string, doesNot: string]>({
  Ready: ['NodeReady', 'NodeNotReady'],
  MemoryPressure: ['NodeHasInsufficientMemory', 'NodeHasSufficientMemory'],
  DiskPressure: ['NodeHasDiskPressure', 'NodeHasNoDiskPressure'],
  PIDPressure: ['NodeHasInsufficientPID', 'NodeHasSufficientPID'],
});

export interface NodeRegistrationOptions {
  client: Client;
  runtime: CriRuntime;
  events: EventRecorder;
  logger: Logger;
  machine: MachineFacts;
  nodeName: string;
  nodeIps: string[];
  port: number;
  filesystems: NodeFilesystems;
  thresholds: readonly Threshold[];
  pressure(): readonly PressureCondition[];
  now(): number;
}

/** Makes the Node object and keeps its status true. */
export class NodeRegistration {
  private version: CriVersion | undefined;
  private writtenAt = 0;
  /** By type of condition, the status that was told by an event last. */
  private readonly told = new Map([['Ready', 'False']]);
  private node: KubeObject | undefined;

  constructor(private readonly options: NodeRegistrationOptions) {}

  get ready(): boolean {
    return this.told.get('Ready') === 'True';
  }

  /** Registers, and follows until the signal fires. Resolves after the first success. */
  async start(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        await this.register();
        break;
      } catch (error) {
        this.options.logger.warn('the node could not be registered', { error });
        await wait(RETRY, signal);
      }
    }
    void this.follow(signal);
  }

  private async register(): Promise<void> {
    const { client, nodeName, machine, events, logger } = this.options;
    const status = await this.status({});
    try {
      this.node = await client.create(NODES, '', newNode(nodeName, machine, status));
      logger.info('registered the node', { node: nodeName });
      this.writtenAt = this.options.now();
      this.tellConditions(status);
    } catch (error) {
      if (!isAlreadyExists(error)) throw error;
      const existing = await client.get<KubeObject>(NODES, '', nodeName);
      this.node = existing;
      const labels = nodeLabels(nodeName, machine);
      if (Object.entries(labels).some(([key, value]) => ownValue(existing.metadata.labels, key) !== value)) {
        await client.patch(NODES, '', nodeName, 'application/strategic-merge-patch+json', { metadata: { labels } });
      }
      await this.write(existing, true);
    }
    events.event(this.node!, 'Normal', 'Starting', 'Starting kubelet.');
  }

  private async follow(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await wait(this.ready ? CHECK : CHECK_NOT_READY, signal);
      if (signal.aborted) return;
      try {
        const node = await this.options.client.get<KubeObject>(NODES, '', this.options.nodeName);
        this.node = node;
        await this.write(node, false);
      } catch (error) {
        if (isNotFound(error)) await this.register().catch(() => {});
        else this.options.logger.warn('node status not written', { error });
        await wait(RETRY, signal);
      }
    }
  }

  private async write(node: KubeObject, force: boolean): Promise<void> {
    const { client, nodeName, now } = this.options;
    const old = (node['status'] ?? {}) as Record<string, any>;
    const status = await this.status(old);
    if (!force && sameNodeStatus(old, status) && now() - this.writtenAt < WRITE_UNCHANGED) return;
    await client.patch(
      NODES,
      '',
      nodeName,
      'application/strategic-merge-patch+json',
      { status },
      { subresource: 'status' },
    );
    this.writtenAt = now();
    this.tellConditions(status);
  }

  private tellConditions(status: Record<string, any>): void {
    const { events, nodeName, logger } = this.options;
    for (const condition of status['conditions'] as { type: string; status: string }[]) {
      if (this.told.get(condition.type) === condition.status) continue;
      this.told.set(condition.type, condition.status);
      const reason = CONDITION_EVENTS[condition.type]?.[condition.status === 'True' ? 0 : 1];
      if (!reason) continue;
      logger.info('a condition of the node changed', {
        node: nodeName,
        condition: condition.type,
        status: condition.status,
      });
      events.event(this.node!, 'Normal', reason, `Node ${nodeName} status is now: ${reason}`);
    }
  }

  private async status(old: Record<string, any>): Promise<Record<string, any>> {
    const { runtime, machine, nodeName, nodeIps, port, filesystems, thresholds, pressure, now } = this.options;
    const { node: disk } = await filesystems.usage();
    let known: { version: CriVersion; status: Awaited<ReturnType<CriRuntime['status']>> } | undefined;
    let images: Awaited<ReturnType<CriRuntime['listImages']>> = [];
    try {
      this.version ??= await runtime.version();
      known = { version: this.version, status: await runtime.status() };
      images = await runtime.listImages();
    } catch {
      // The condition says that the runtime is down; it may come back as another version.
      this.version = undefined;
    }
    return nodeStatus(old, {
      machine,
      nodeName,
      nodeIps,
      port,
      disk,
      thresholds,
      pressure: pressure(),
      ...(known ? { runtime: known } : {}),
      images,
      now: now(),
    });
  }
}

function wait(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    const finish = () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', finish);
      resolve();
    };
    const timer = setTimeout(finish, ms);
    signal.addEventListener('abort', finish, { once: true });
  });
}
