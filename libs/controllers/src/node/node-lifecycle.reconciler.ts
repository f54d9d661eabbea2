import { formatTime, isNotFound } from '#apimachinery';
import type { Informer, Requeue } from '#client';
import { gvr, type Lease, type Node, type Pod } from '#kinds';
import { type Controller, type ControllerContext, type ControllerRuntime, runtimeFor } from '../context.js';
import { controller } from '../controller.js';
import { isPodReady, PODS_BY_NODE, podInformer } from '../workload/pods.js';
import {
  conditionOf,
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
import { ZoneCensus } from './zone-census.js';

const LEASE_NAMESPACE = 'kube-node-lease';
/** Zones that are told apart, at most. */
const ZONES = 100;
/** Milliseconds that a node may be silent. */
const GRACE_PERIOD = 50_000;
/** A new node may take this long until its first report. */
const STARTUP_GRACE_PERIOD = 60_000;

export function nodeLifecycleController(context: ControllerContext): Controller {
  const runtime = runtimeFor(context, 'node-controller');
  const nodes = new NodeLifecycle(runtime);
  return controller('node-lifecycle-controller', runtime)
    .for<Node>(gvr.nodes)
    .watches<Node>(gvr.nodes, {
      add: (node) => nodes.census.record(undefined, node),
      update: (old, node) => nodes.census.record(old, node),
      delete: (node) => nodes.forget(node),
    })
    .watches<Lease>(nodes.leases, { add: (lease) => nodes.hear(lease), update: (_old, lease) => nodes.hear(lease) })
    .reads(gvr.pods)
    .reconcile((key) => nodes.reconcile(key));
}

/**
 * Tells silent nodes from live ones and taints them, so that pods stay away or go. A renewed Lease only moves the time at which
 * its node is looked at again, so nodes that live cost nothing but that.
 */
class NodeLifecycle {
  readonly leases: Informer<Lease>;
  readonly census = new ZoneCensus();
  private readonly nodes: Informer<Node>;
  private readonly pods: Informer<Pod>;
  private readonly evictions;
  private readonly heartbeats = new Map<string, Heartbeat>();
  /** Zone to the time from which on its next node may be evicted. */
  private readonly nextEviction = new Map<string, number>();
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

  /** Wakes nobody: a node that lives needs no look. */
  hear(lease: Lease): undefined {
    const node = this.nodes.get('', lease.metadata.name!);
    if (node) this.heartbeat(node, lease.spec?.renewTime);
  }

  async reconcile(name: string): Promise<Requeue | undefined> {
    const node = this.nodes.get('', name);
    if (!node) return undefined;
    const { current, silentIn } = await this.observe(node);
    const evictableIn = await this.taint(current);
    const next = Math.min(silentIn, evictableIn);
    return Number.isFinite(next) ? { requeueAfter: next } : undefined;
  }

  private heartbeat(node: Node, renewTime: string | undefined): Heartbeat {
    const name = node.metadata.name!;
    const heartbeat = observeHeartbeat(this.heartbeats.get(name), node, renewTime, this.runtime.clock.now());
    this.heartbeats.set(name, heartbeat);
    return heartbeat;
  }

  /** The node as it is after its silence has been written down, and the milliseconds until it counts as silent. */
  private async observe(node: Node): Promise<{ current: Node; silentIn: number }> {
    const { clock, client, recorder, options } = this.runtime;
    const name = node.metadata.name!;
    const heartbeat = this.heartbeat(node, this.leases.get(LEASE_NAMESPACE, name)?.spec?.renewTime);
    const everReported = conditionOf(node, 'Ready') !== undefined;
    const grace = everReported ? (options.nodeMonitorGracePeriod ?? GRACE_PERIOD) : STARTUP_GRACE_PERIOD;
    const left = heartbeat.seenAt + grace - clock.now();
    let current = node;
    if (left < 0) {
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
    // One that is silent already is looked at when it speaks: that is an event.
    return { current, silentIn: left < 0 ? Number.POSITIVE_INFINITY : left + 1 };
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

  /** The milliseconds until the node's zone lets it be evicted; infinite when it needs not be, or nobody knows. */
  private async taint(node: Node): Promise<number> {
    const current = node.spec?.taints ?? [];
    const zone = zoneOf(node);
    const rate = this.census.rateOf(zone);
    const evicting = current.some((taint) => isEviction(taint.key, taint.effect));
    const waits = !evicting && evictionTaint(node) !== undefined && rate > 0;
    const wait = waits ? (this.nextEviction.get(zone) ?? 0) - this.runtime.clock.now() : Number.POSITIVE_INFINITY;
    const starts = wait <= 0;
    const goesOn = evicting && this.census.evicts;
    const taints = wantedTaints(node, starts || goesOn, this.timestamp());
    if (!sameTaints(taints, current)) {
      const undo = starts ? this.takeTurn(zone, rate) : () => {};
      try {
        await this.runtime.client.update<Node>(gvr.nodes, '', { ...node, spec: { ...node.spec, taints } });
      } catch (error) {
        undo();
        throw error;
      }
      if (starts) this.evictions.cell(zoneLabel(node)).value += 1;
    }
    return starts ? Number.POSITIVE_INFINITY : wait;
  }

  /** The zone's next node waits from now on. Gives what lets it go at once, for when this one was not tainted. */
  private takeTurn(zone: string, rate: number): () => void {
    const before = this.nextEviction.get(zone) ?? 0;
    const next = this.runtime.clock.now() + 1000 / rate;
    this.nextEviction.set(zone, next);
    return () => {
      if (this.nextEviction.get(zone) === next) this.nextEviction.set(zone, before);
    };
  }

  forget(node: Node): Iterable<string> {
    const name = node.metadata.name!;
    this.heartbeats.delete(name);
    this.wasReady.delete(name);
    return this.census.record(node, undefined);
  }

  private timestamp(): string {
    return formatTime(new Date(this.runtime.clock.now()));
  }
}
