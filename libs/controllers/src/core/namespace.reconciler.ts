import { formatTime, type GroupVersionResource, isMethodNotAllowed, isNotFound, type KubeObject } from '#apimachinery';
import type { Informer, Requeue, ServedResource } from '#client';
import { gvr, type Namespace, type Pod } from '#kinds';
import { type Controller, type ControllerContext, type ControllerRuntime, runtimeFor } from '../context.js';
import { controller } from '../controller.js';
import type { RemainingObjects } from './namespace-blockers.js';
import { type DeletionOutcome, deletionStatus, nextLook } from './namespace-content.js';

/** The finalizer in `spec.finalizers` that stands for a namespace's content. */
const CONTENT_FINALIZER = 'kubernetes';
/** Objects that are being created when the deletion starts get this long to be seen. Milliseconds. */
const GRACE = 100;

export function namespaceController(context: ControllerContext): Controller {
  const runtime = runtimeFor(context, 'namespace-controller');
  const namespaces = new NamespaceReconciler(runtime);
  return (
    controller('namespace-controller', runtime)
      .for<Namespace>(gvr.namespaces, {
        when: ({ metadata }) => metadata.deletionTimestamp !== undefined,
        delay: GRACE,
      })
      // The last pod going is what most deletions wait for.
      .watches<Pod>(gvr.pods, { delete: (pod) => namespaces.deletedWith(pod) }, { delay: GRACE })
      .workers(10)
      .reconcile((name) => namespaces.reconcile(name))
  );
}

interface DeletableResource {
  gvr: GroupVersionResource;
  collection: boolean;
}

/** Empties namespaces that are being deleted and then lets them go. */
class NamespaceReconciler {
  private readonly namespaces: Informer<Namespace>;

  constructor(private readonly runtime: ControllerRuntime) {
    this.namespaces = runtime.informers.for<Namespace>(gvr.namespaces);
  }

  deletedWith({ metadata }: Pod): string | undefined {
    const namespace = this.namespaces.get('', metadata.namespace!);
    return namespace?.metadata.deletionTimestamp === undefined ? undefined : metadata.namespace;
  }

  async reconcile(name: string): Promise<Requeue | undefined> {
    if (!this.namespaces.get('', name)) return undefined;
    const { client } = this.runtime;
    let namespace: Namespace;
    try {
      namespace = await client.get<Namespace>(gvr.namespaces, '', name);
    } catch (error) {
      if (isNotFound(error)) return undefined;
      throw error;
    }
    if (namespace.metadata.deletionTimestamp === undefined) return undefined;
    if (namespace.status?.phase !== 'Terminating') {
      namespace = await this.writeStatus(namespace, { ...namespace.status, phase: 'Terminating' });
    }
    if ((namespace.spec?.finalizers ?? []).length === 0) return undefined;
    const outcome = await this.deleteContent(name);
    const status = deletionStatus(namespace.status ?? {}, outcome, formatTime(new Date(this.runtime.clock.now())));
    if (status !== namespace.status) namespace = await this.writeStatus(namespace, status);
    if (outcome.errors.length > 0) throw new Error(outcome.errors.join(', '));
    if (outcome.remaining.length > 0) return { requeueAfter: nextLook(outcome) };
    await this.finalize(namespace);
    return undefined;
  }

  /** Pods first: they may still need what the namespace has in Secrets and ConfigMaps to end well. */
  private async deleteContent(namespace: string): Promise<DeletionOutcome> {
    const resources = deletableResources(this.runtime.resources.stored());
    const pods = await this.deleteResource({ gvr: gvr.pods, collection: true }, namespace);
    if (pods.remaining.length > 0 || pods.errors.length > 0) return pods;
    const others = resources.filter((resource) => resource.gvr.group !== '' || resource.gvr.resource !== 'pods');
    const outcomes = await Promise.all(others.map((resource) => this.deleteResource(resource, namespace)));
    return {
      remaining: outcomes.flatMap((outcome) => outcome.remaining),
      errors: outcomes.flatMap((outcome) => outcome.errors),
    };
  }

  private async deleteResource(resource: DeletableResource, namespace: string): Promise<DeletionOutcome> {
    const { client } = this.runtime;
    try {
      let objects = await this.list(resource.gvr, namespace);
      if (objects.length === 0) return { remaining: [], errors: [] };
      if (resource.collection) {
        await client.deleteCollection(resource.gvr, { namespace }, { propagationPolicy: 'Background' });
      } else await this.deleteEach(resource.gvr, namespace, objects);
      objects = await this.list(resource.gvr, namespace);
      if (objects.length === 0) return { remaining: [], errors: [] };
      const remaining: RemainingObjects = { resource: `${resource.gvr.resource}.${resource.gvr.group}`, objects };
      const unexpected = objects.some(
        ({ metadata }) => metadata.deletionTimestamp === undefined && (metadata.finalizers ?? []).length === 0,
      );
      const { group, version, resource: plural } = resource.gvr;
      const text = `unexpected items still remain in namespace: ${namespace} for gvr: ${group}/${version}, Resource=${plural}`;
      return { remaining: [remaining], errors: unexpected ? [text] : [] };
    } catch (error) {
      if (isNotFound(error) || isMethodNotAllowed(error)) return { remaining: [], errors: [] };
      return { remaining: [], errors: [(error as Error).message] };
    }
  }

  private async list(resource: GroupVersionResource, namespace: string): Promise<KubeObject[]> {
    return (await this.runtime.client.list(resource, { namespace })).items;
  }

  private async deleteEach(
    resource: GroupVersionResource,
    namespace: string,
    objects: readonly KubeObject[],
  ): Promise<void> {
    for (const { metadata } of objects) {
      try {
        await this.runtime.client.delete(resource, namespace, metadata.name!, { propagationPolicy: 'Background' });
      } catch (error) {
        if (!isNotFound(error)) throw error;
      }
    }
  }

  private async finalize(namespace: Namespace): Promise<void> {
    const finalizers = (namespace.spec?.finalizers ?? []).filter((finalizer) => finalizer !== CONTENT_FINALIZER);
    const finalized: Namespace = { ...namespace, spec: { ...namespace.spec, finalizers } };
    try {
      await this.runtime.client.update<Namespace>(gvr.namespaces, '', finalized, { subresource: 'finalize' });
    } catch (error) {
      if (!isNotFound(error)) throw error;
    }
  }

  private writeStatus(namespace: Namespace, status: Namespace['status']): Promise<Namespace> {
    return this.runtime.client.update<Namespace>(
      gvr.namespaces,
      '',
      { ...namespace, status },
      { subresource: 'status' },
    );
  }
}

/** Namespaced resources with a delete verb. */
function deletableResources(stored: readonly ServedResource[]): DeletableResource[] {
  return stored
    .filter(({ namespaced, verbs }) => namespaced && verbs.includes('delete') && verbs.includes('list'))
    .map(({ group, version, plural, verbs }) => ({
      gvr: { group, version, resource: plural },
      collection: verbs.includes('deletecollection'),
    }));
}
