import { hasCause, isNotFound, semanticEqual } from '#apimachinery';
import { type Informer, objectKey, type Requeue, splitKey, WrittenRevisions } from '#client';
import { type Endpoints, gvr, type Pod, type Service } from '#kinds';
import { type Controller, type ControllerContext, type ControllerRuntime, runtimeFor } from '../context.js';
import { controller } from '../controller.js';
import { podsOf, servicesOf } from '../discovery/service-pods.js';
import { TriggerTimes, withTriggerTime } from '../discovery/trigger-times.js';
import { podInformer } from '../workload/pods.js';
import { wantedEndpoints } from './endpoints.js';

/** Our own writes show up in the informer within this; milliseconds. */
const CATCH_UP = 20;

export function endpointsController(context: ControllerContext): Controller {
  const runtime = runtimeFor(context, 'endpoint-controller');
  const reconciler = new EndpointsReconciler(runtime);
  return controller('endpoints-controller', runtime)
    .for<Service>(gvr.services)
    .watches<Pod>(gvr.pods, servicesOf(runtime.informers))
    .watches<Endpoints>(gvr.endpoints, { delete: objectKey })
    .startsWith(() => reconciler.existing())
    .reconcile((key) => reconciler.reconcile(key));
}

/** Keeps the core/v1 Endpoints of Services with selectors: the older form of EndpointSlices. */
class EndpointsReconciler {
  private readonly services: Informer<Service>;
  private readonly pods: Informer<Pod>;
  private readonly endpoints: Informer<Endpoints>;
  private readonly written = new WrittenRevisions();
  private readonly triggers = new TriggerTimes();

  constructor(private readonly runtime: ControllerRuntime) {
    const { informers } = runtime;
    this.services = informers.for<Service>(gvr.services);
    this.pods = podInformer(informers);
    this.endpoints = informers.for<Endpoints>(gvr.endpoints);
  }

  /** Among them Endpoints whose Service went away while nobody looked. */
  existing(): string[] {
    return this.endpoints.list().map(objectKey);
  }

  async reconcile(key: string): Promise<Requeue | undefined> {
    const service = this.services.getByKey(key);
    const current = this.endpoints.getByKey(key);
    if (!service) {
      await this.remove(key, current);
      return undefined;
    }
    if (service.spec?.type === 'ExternalName' || !service.spec?.selector) return undefined;
    if (!this.written.seenBy(key, this.endpoints)) return { requeueAfter: CATCH_UP };
    const pods = podsOf(service, this.pods);
    const trigger = this.triggers.take(key, service, pods);
    const wanted = wantedEndpoints(service, current, pods);
    if (
      current &&
      semanticEqual(current.subsets, wanted.subsets) &&
      semanticEqual(current.metadata.labels, wanted.metadata.labels) &&
      semanticEqual(current.metadata.annotations, wanted.metadata.annotations)
    ) {
      return undefined;
    }
    const annotations = withTriggerTime(wanted.metadata.annotations, trigger);
    await this.write(key, service, { ...wanted, metadata: { ...wanted.metadata, annotations } }, current !== undefined);
    return undefined;
  }

  private async write(key: string, service: Service, wanted: Endpoints, exists: boolean): Promise<void> {
    const { client, recorder } = this.runtime;
    const { namespace, name } = service.metadata;
    try {
      const written = exists
        ? await client.update(gvr.endpoints, namespace!, wanted)
        : await client.create(gvr.endpoints, namespace!, wanted);
      this.written.wrote(key, written);
    } catch (error) {
      if (hasCause(error, 'NamespaceTerminating')) return;
      const { message } = error as Error;
      if (exists) {
        recorder.event(wanted, 'Warning', 'FailedToUpdateEndpoint', `Failed to update endpoint ${key}: ${message}`);
      } else {
        const text = `Failed to create endpoint for service ${namespace}/${name}: ${message}`;
        recorder.event(wanted, 'Warning', 'FailedToCreateEndpoint', text);
      }
      throw error;
    }
  }

  /** Without a Service: gone, unless the object is somebody else's (leader election once used them). */
  private async remove(key: string, current: Endpoints | undefined): Promise<void> {
    this.written.forget(key);
    this.triggers.forget(key);
    if (!current || current.metadata.annotations?.['control-plane.alpha.kubernetes.io/leader']) return;
    const { namespace, name } = splitKey(key);
    try {
      await this.runtime.client.delete(gvr.endpoints, namespace, name, {
        preconditions: { uid: current.metadata.uid },
      });
    } catch (error) {
      if (!isNotFound(error)) throw error;
    }
  }
}
