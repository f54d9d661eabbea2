import { bare, isAlreadyExists, isNotFound, ownValue } from '#apimachinery';
import { type Client, type Clock, delay, type EventRecorder, type Logger } from '#client';
import { gvr, type Node, type NodeAddress, type NodeStatus } from '#kinds';
import type { PressureCondition, Threshold } from '#settings';
import type { CriRuntime } from '../runtime/cri.js';
import type { CriVersion } from '../runtime/cri-types.js';
import type { NodeFilesystems } from './filesystems.js';
import type { MachineFacts } from './machine.js';
import { newNode, nodeLabels, nodeStatus, sameNodeStatus } from './node-status.js';

/** How often the status is worked out, and how often one that did not change is written all the same. Milliseconds. */
const CHECK = 10_000;
const CHECK_NOT_READY = 500;
const WRITE_UNCHANGED = 300_000;
const RETRY = 1000;
/** The controllers for load balancers read it: `libs/controllers/src/services/load-balancer.plan.ts`. */
const LISTENING_PORTS = 'berth.io/listening-ports';
/** Reasons of the events that tell of a condition: when it begins to hold, and when it no longer does. */
const CONDITION_EVENTS = bare<[holds: string, doesNot: string]>({
  Ready: ['NodeReady', 'NodeNotReady'],
  MemoryPressure: ['NodeHasInsufficientMemory', 'NodeHasSufficientMemory'],
  DiskPressure: ['NodeHasDiskPressure', 'NodeHasNoDiskPressure'],
  PIDPressure: ['NodeHasInsufficientPID', 'NodeHasSufficientPID'],
});

export interface NodeRegistrationOptions {
  client: Pick<Client, 'get' | 'create' | 'patch'>;
  runtime: Pick<CriRuntime, 'version' | 'status' | 'listImages'>;
  events: EventRecorder;
  logger: Logger;
  machine: MachineFacts;
  nodeName: string;
  /** The object as it was seen last; undefined until it was, and when it is gone. */
  known(): Node | undefined;
  nodeIps: string[];
  port: number;
  filesystems: Pick<NodeFilesystems, 'usage'>;
  thresholds: readonly Threshold[];
  pressure(): readonly PressureCondition[];
  /** Milliseconds since the runtime told what runs. */
  runtimeSilence(): number;
  /** Where the node's processes listen, as the annotation says it. */
  listeningPorts(): Promise<string>;
  clock: Clock;
}

/** Makes the Node object and keeps its status true. */
export class NodeRegistration {
  private version: CriVersion | undefined;
  private writtenAt = 0;
  /** By type of condition, the status that an event said last. */
  private readonly announced = new Map([['Ready', 'False']]);
  private node: Node | undefined;
  /** The last look failed: what is known may be why. */
  private failed = false;

  constructor(private readonly options: NodeRegistrationOptions) {}

  get ready(): boolean {
    return this.announced.get('Ready') === 'True';
  }

  /** Registers, and follows until the signal fires. Resolves after the first success. */
  async start(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        await this.register();
        break;
      } catch (error) {
        this.options.logger.warn('the node could not be registered', { error });
        await delay(this.options.clock, RETRY, signal);
      }
    }
    void this.follow(signal);
  }

  private async register(): Promise<void> {
    const { client, nodeName, machine, events, logger } = this.options;
    const status = await this.status({});
    try {
      this.node = await client.create(gvr.nodes, '', newNode(nodeName, machine, status));
      logger.info('registered the node', { node: nodeName });
      this.writtenAt = this.options.clock.now();
      this.announceConditions(status);
    } catch (error) {
      if (!isAlreadyExists(error)) throw error;
      const existing = await client.get<Node>(gvr.nodes, '', nodeName);
      this.node = existing;
      const labels = nodeLabels(nodeName, machine);
      if (Object.entries(labels).some(([key, value]) => ownValue(existing.metadata.labels, key) !== value)) {
        await client.patch(gvr.nodes, '', nodeName, 'application/strategic-merge-patch+json', { metadata: { labels } });
      }
      await this.write(existing, true);
    }
    await this.annotate();
    events.event(this.node!, 'Normal', 'Starting', 'Starting kubelet.');
  }

  private async follow(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await delay(this.options.clock, this.ready ? CHECK : CHECK_NOT_READY, signal);
      if (signal.aborted) return;
      try {
        await this.refresh();
        this.failed = false;
      } catch (error) {
        this.failed = true;
        this.options.logger.warn('node status not written', { error });
        await delay(this.options.clock, RETRY, signal);
      }
    }
  }

  /** Brings the status up to date; a node that somebody deleted is registered anew. */
  private async refresh(): Promise<void> {
    const node = await this.current();
    if (!node) return this.register();
    this.node = node;
    await this.write(node, false);
    await this.annotate();
  }

  /** What a watch tells is asked for after a failure only: a large cluster would spend much of its time on that. */
  private async current(): Promise<Node | undefined> {
    const { client, nodeName, known } = this.options;
    const seen = this.failed ? undefined : known();
    if (seen) return newest(seen, this.node);
    try {
      return await client.get<Node>(gvr.nodes, '', nodeName);
    } catch (error) {
      if (isNotFound(error)) return undefined;
      throw error;
    }
  }

  /** Load balancers leave out the ports at which the node listens. */
  private async annotate(): Promise<void> {
    const { client, nodeName } = this.options;
    const ports = await this.options.listeningPorts();
    if (this.node?.metadata.annotations?.[LISTENING_PORTS] === ports) return;
    const patch = { metadata: { annotations: { [LISTENING_PORTS]: ports } } };
    this.node = await client.patch<Node>(gvr.nodes, '', nodeName, 'application/merge-patch+json', patch);
  }

  private async write(node: Node, force: boolean): Promise<void> {
    const { client, nodeName, clock } = this.options;
    const old = node.status ?? {};
    const status = await this.status(old);
    if (!force && sameNodeStatus(old, status) && clock.now() - this.writtenAt < WRITE_UNCHANGED) return;
    this.node = await client.patch<Node>(
      gvr.nodes,
      '',
      nodeName,
      'application/strategic-merge-patch+json',
      { status: { ...status, addresses: replaced(status.addresses ?? []) } },
      { subresource: 'status' },
    );
    this.writtenAt = clock.now();
    this.announceConditions(status);
  }

  private announceConditions(status: NodeStatus): void {
    const { events, nodeName, logger } = this.options;
    for (const condition of status.conditions ?? []) {
      if (this.announced.get(condition.type) === condition.status) continue;
      this.announced.set(condition.type, condition.status);
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

  private async status(old: NodeStatus): Promise<NodeStatus> {
    const { runtime, machine, nodeName, nodeIps, port, filesystems, thresholds, pressure, runtimeSilence, clock } =
      this.options;
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
      runtimeSilence: runtimeSilence(),
      ...(known ? { runtime: known } : {}),
      images,
      now: clock.now(),
    });
  }
}

/** The agent's own write comes back by the watch a little later. */
function newest(seen: Node, written: Node | undefined): Node {
  return written && Number(written.metadata.resourceVersion) > Number(seen.metadata.resourceVersion) ? written : seen;
}

/** The merge key of addresses is their type: two of one type would become one, at each write another. */
function replaced(addresses: readonly NodeAddress[]): unknown[] {
  return [...addresses, { $patch: 'replace' }];
}
