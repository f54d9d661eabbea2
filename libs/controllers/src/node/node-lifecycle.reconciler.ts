import { formatTime, isNotFound } from '#apimachinery';
import { type Informer, objectKey } from '#client';
import { gvr, type Lease, type Node, type Pod } from '#kinds';
import { type Controller, type ControllerContext, type ControllerRuntime, runtimeFor } from '../context.js';
import { controller } from '../controller.js';
import { isPodReady, PODS_BY_NODE, podInformer } from '../workload/pods.js';
import {
  conditionOf,
  evictionRates,
  evictionTaint,
  type Heartbeat,
  isEviction,
  isNodeReady,
  observeHeartbeat,
  sameTaints,
  silentConditions,
  wantedTaints,
  zoneLabel,
  zoneOf,
} from './node-health.js';

const LEASE_NAMESPACE = 'kube-node-lease';
/** Milliseconds between looks at all nodes. */
const MONITOR_PERIOD = 5_000;
/** Zones that are told apart, at most. */
const ZONES = 100;
const GRACE_PERIOD = 50_000;
/** A new node may take this long until its first report. */
const STARTUP_GRACE_PERIOD = 60_000;

export function nodeLifecycleController(context: ControllerContext): Controller {
  const runtime = runtimeFor(context, 'node-controller');
  const nodes = new NodeLifecycle(runtime);
  return (
    controller('node-lifecycle-controller', runtime)
      .for<Node>(gvr.nodes, {
        observe: {
          add: () => nodes.recount(),
          update: (old, node) => nodes.recount(old, node),
          delete: (node) => nodes.forget(node.metadata.name!),
        },
      })
      .reads(nodes.leases, gvr.pods)
      // Silence makes no events.
      .every(MONITOR_PERIOD, () => nodes.allKeys())
      .reconcile((key) => nodes.reconcile(key))
  );
}

/** Tells silent nodes from live ones and taints them, so that pods stay away or go. */
class NodeLifecycle {
  readonly leases: Informer<Lease>;
  private readonly nodes: Informer<Node>;
  private readonly pods: Informer<Pod>;
  private readonly evictions;
  private readonly heartbeats = new Map<string, Heartbeat>();
  /** Zone to the time from which on its next node may be evicted. */
  private readonly nextEviction = new Map<string, number>();
  /** By zone; undefined: to be told anew. */
  private rates: Map<string, number> | undefined;
  /** What each node was when it was last looked at. */
  private readonly wasReady = new Map<string, boolean>();

  constructor(private readonly runtime: ControllerRuntime) {
    const { informers, metrics } = runtime;
    this.evictions = metrics.counter({
      name: 'node_collector_evictions_total',
      help: 'Nodes whose pods began to be evicted, by zone.',
      labels: { zone: ZONES },
    });
    this.nodes = informers.for<Node>(gvr.nodes);
    this.leases = informers.for<Lease>(gvr.leases, { namespace: LEASE_NAMESPACE });
    this.pods = podInformer(informers);
  }

  allKeys(): string[] {
    return this.nodes.list().map(objectKey);
  }

  async reconcile(name: string): Promise<undefined> {
    const node = this.nodes.get('', name);
    if (node) await this.taint(await this.observe(node));
  }

  /** The node as it is after its silence has been written down. */
  private async observe(node: Node): Promise<Node> {
    const { clock, client, recorder, options } = this.runtime;
    const name = node.metadata.name!;
    const now = clock.now();
    const renewTime = this.leases.get(LEASE_NAMESPACE, name)?.spec?.renewTime;
    const heartbeat = observeHeartbeat(this.heartbeats.get(name), node, renewTime, now);
    this.heartbeats.set(name, heartbeat);
    const everReported = conditionOf(node, 'Ready') !== undefined;
    const grace = everReported ? (options.nodeMonitorGracePeriod ?? GRACE_PERIOD) : STARTUP_GRACE_PERIOD;
    let current = node;
    if (now - heartbeat.seenAt > grace) {
      const conditions = silentConditions(node, this.timestamp());
      if (conditions !== node.status?.conditions) {
        const changed: Node = { ...node, status: { ...node.status, conditions } };
        current = await client.update(gvr.nodes, '', changed, { subresource: 'status' });
      }
    }
    const ready = isNodeReady(current);
    if (!ready && this.wasReady.get(name) !== false && everReported) {
      if (this.wasReady.get(name)) {
        recorder.event(current, 'Normal', 'NodeNotReady', `Node ${name} status is now: NodeNotReady`);
      }
      await this.markPodsNotReady(name);
    }
    this.wasReady.set(name, ready);
    return current;
  }

  /** A silent node's pods say Ready until somebody else says otherwise. */
  private async markPodsNotReady(node: string): Promise<void> {
    const { client, recorder } = this.runtime;
    for (const pod of this.pods.byIndex(PODS_BY_NODE, node)) {
      if (!isPodReady(pod)) continue;
      const conditions = [{ type: 'Ready', status: 'False', lastTransitionTime: this.timestamp() }];
      const { namespace, name, uid } = pod.metadata;
      const patch = { metadata: { uid }, status: { conditions } };
      try {
        await client.patch(gvr.pods, namespace!, name!, 'application/strategic-merge-patch+json', patch, {
          subresource: 'status',
        });
        recorder.event(pod, 'Warning', 'NodeNotReady', 'Node is not ready');
      } catch (error) {
        if (!isNotFound(error)) throw error;
      }
    }
  }

  private async taint(node: Node): Promise<void> {
    const current = node.spec?.taints ?? [];
    const evicting = current.some((taint) => isEviction(taint.key, taint.effect));
    this.rates ??= evictionRates(this.nodes.values());
    const { rates } = this;
    const starts = !evicting && evictionTaint(node) !== undefined && this.mayEvict(node, rates);
    const goesOn = evicting && [...rates.values()].some((rate) => rate > 0);
    const taints = wantedTaints(node, starts || goesOn, this.timestamp());
    if (sameTaints(taints, current)) return;
    await this.runtime.client.update<Node>(gvr.nodes, '', { ...node, spec: { ...node.spec, taints } });
    if (!starts) return;
    this.nextEviction.set(zoneOf(node), this.runtime.clock.now() + 1000 / rates.get(zoneOf(node))!);
    this.evictions.cell(zoneLabel(node)).value += 1;
  }

  /** The zones count their nodes anew, unless a node is what it was for its zone: at thousands of nodes that is nearly every event. */
  recount(old?: Node, node?: Node): void {
    if (old && node && zoneOf(old) === zoneOf(node) && isNodeReady(old) === isNodeReady(node)) return;
    this.rates = undefined;
  }

  private mayEvict(node: Node, rates: Map<string, number>): boolean {
    const zone = zoneOf(node);
    return (rates.get(zone) ?? 0) > 0 && this.runtime.clock.now() >= (this.nextEviction.get(zone) ?? 0);
  }

  forget(name: string): void {
    this.recount();
    this.heartbeats.delete(name);
    this.wasReady.delete(name);
  }

  private timestamp(): string {
    return formatTime(new Date(this.runtime.clock.now()));
  }
}
