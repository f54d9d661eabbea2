import { type Informer, type Requeue, splitKey } from '#client';
import { type EndpointSlice, gvr, type Node, type Pod, type Service } from '#kinds';
import { type Controller, type ControllerContext, type ControllerRuntime, runtimeFor } from '../context.js';
import { controller } from '../controller.js';
import { podInformer } from '../workload/pods.js';
import { type AddressType, addressTypesOf, belongsInEndpoints, endpointFor, slicePorts } from './service-endpoints.js';
import { podsOf, servicesOf } from './service-pods.js';
import { sliceLabels } from './slice-labels.js';
import { changeOf, countsOf, endpointCount, type SliceCounts, SliceMetrics } from './slice-metrics.js';
import { type PortGroup, planSlices } from './slice-plan.js';
import { SliceWriter } from './slice-writer.js';
import { asksForHints } from './topology-hints.js';
import { TopologyLedger } from './topology-ledger.js';
import { TriggerTimes } from './trigger-times.js';
import { changesShares } from './zone-shares.js';

const MANAGER = 'endpointslice-controller.k8s.io';
/** Our own writes show up in the informer within this; milliseconds. */
const CATCH_UP = 20;

export function endpointSliceController(context: ControllerContext): Controller {
  const runtime = runtimeFor(context, 'endpointslice-controller');
  const reconciler = new EndpointSliceReconciler(runtime);
  const { slices } = reconciler;
  return controller('endpointslice-controller', runtime)
    .for<Service>(gvr.services)
    .watches<Pod>(gvr.pods, servicesOf(runtime.informers))
    .watches<EndpointSlice>(gvr.endpointslices, {
      update: (_old, slice) => slices.serviceOf(slice),
      delete: (slice) => slices.serviceOf(slice),
    })
    .watches<Node>(gvr.nodes, {
      add: () => reconciler.topology.nodesChanged(),
      update: (old, node) => (changesShares(old, node) ? reconciler.topology.nodesChanged() : undefined),
      delete: () => reconciler.topology.nodesChanged(),
    })
    .reconcile((key) => reconciler.reconcile(key));
}

/** Keeps EndpointSlices equal to the pods that Services select. */
class EndpointSliceReconciler {
  readonly slices: SliceWriter;
  readonly topology: TopologyLedger;
  private readonly services: Informer<Service>;
  private readonly pods: Informer<Pod>;
  private readonly nodes: Informer<Node>;

  private readonly metrics: SliceMetrics;
  private readonly triggers = new TriggerTimes();

  constructor(private readonly runtime: ControllerRuntime) {
    const { informers, client, metrics } = runtime;
    this.metrics = new SliceMetrics(metrics);
    this.services = informers.for<Service>(gvr.services);
    this.pods = podInformer(informers);
    this.nodes = informers.for<Node>(gvr.nodes);
    this.slices = new SliceWriter(client, informers.for<EndpointSlice>(gvr.endpointslices), MANAGER);
    this.topology = new TopologyLedger(this.nodes);
  }

  async reconcile(key: string): Promise<Requeue | undefined> {
    const service = this.services.getByKey(key);
    const { namespace } = splitKey(key);
    if (!service) {
      // The slices go with their owner.
      this.slices.forget(key);
      this.metrics.forget(key);
      this.topology.forget(key);
      this.triggers.forget(key);
      return undefined;
    }
    if (service.spec?.type === 'ExternalName' || !service.spec?.selector) return undefined;
    if (service.metadata.deletionTimestamp !== undefined) return undefined;
    const existing = this.slices.slicesOf(key);
    if (!existing) return { requeueAfter: CATCH_UP };
    const selected = podsOf(service, this.pods);
    const trigger = this.triggers.take(key, service, selected);
    const pods = selected.filter((pod) => belongsInEndpoints(pod, true));
    const types = addressTypesOf(service);
    const stray = existing.filter((slice) => !types.includes(slice.addressType));
    const hinted = asksForHints(service.metadata.annotations);
    let lost: string | undefined;
    const counts: SliceCounts = { endpoints: 0, wanted: 0, slices: 0 };
    let [added, removed] = [0, endpointCount(stray)];
    for (const addressType of types) {
      const { groups, missingNode } = this.groups(service, pods, addressType);
      lost ??= missingNode;
      const current = existing.filter((slice) => slice.addressType === addressType);
      const identity = { owner: service, addressType, labels: sliceLabels(service, MANAGER), placeholder: true };
      const { plan, events } = hinted
        ? this.topology.plan(key, identity, current, groups)
        : { plan: planSlices(identity, current, groups), events: this.topology.end(key, addressType) };
      await this.slices.apply(key, namespace, plan, trigger);
      for (const { type, reason, message } of events) this.runtime.recorder.event(service, type, reason, message);
      const wanted = countsOf(groups, current.length, plan);
      for (const what of ['endpoints', 'wanted', 'slices'] as const) counts[what] += wanted[what];
      const change = changeOf(current, plan);
      added += change.added;
      removed += change.removed;
    }
    await this.slices.apply(key, namespace, { create: [], update: [], remove: stray });
    this.metrics.synced(key, service, counts, added, removed);
    if (lost) throw new Error(`skipping Pod for Service ${key}: Node ${lost} Not Found`);
    return undefined;
  }

  private groups(
    service: Service,
    pods: Pod[],
    addressType: AddressType,
  ): { groups: PortGroup[]; missingNode?: string } {
    const groups: PortGroup[] = [];
    let missingNode: string | undefined;
    for (const pod of pods) {
      const node = pod.spec.nodeName ? this.nodes.get('', pod.spec.nodeName) : undefined;
      if (!node && !service.spec?.publishNotReadyAddresses) {
        missingNode = pod.spec.nodeName ?? '';
        continue;
      }
      const endpoint = endpointFor(service, pod, node, addressType);
      if (endpoint) groups.push({ ports: slicePorts(service, pod), endpoints: [endpoint] });
    }
    return { groups, missingNode };
  }
}
