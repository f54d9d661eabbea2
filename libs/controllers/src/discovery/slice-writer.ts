import { hasCause, isNotFound } from '#apimachinery';
import { type Client, type Informer, WrittenRevisions } from '#client';
import { type EndpointSlice, gvr } from '#kinds';
import { MANAGED_BY_LABEL, SERVICE_NAME_LABEL, type SlicePlan } from './slice-plan.js';
import { withTriggerTime } from './trigger-times.js';

const BY_SERVICE = 'service';

/** The slices of one manager: finds those of a Service, and carries out plans for them. */
export class SliceWriter {
  private readonly written = new WrittenRevisions();

  constructor(
    private readonly client: Client,
    private readonly informer: Informer<EndpointSlice>,
    private readonly manager: string,
  ) {
    informer.addIndex(BY_SERVICE, (slice) => {
      const service = slice.metadata.labels?.[SERVICE_NAME_LABEL];
      return service ? [`${slice.metadata.namespace}/${service}`] : [];
    });
  }

  isManaged(slice: EndpointSlice): boolean {
    return slice.metadata.labels?.[MANAGED_BY_LABEL] === this.manager;
  }

  /** The key of the Service that the slice is of; undefined when it is another manager's. */
  serviceOf(slice: EndpointSlice): string | undefined {
    const service = slice.metadata.labels?.[SERVICE_NAME_LABEL];
    return service && this.isManaged(slice) ? `${slice.metadata.namespace}/${service}` : undefined;
  }

  /** The manager's slices of a Service; undefined while the informer has not seen our last writes to them. */
  slicesOf(key: string): EndpointSlice[] | undefined {
    if (!this.written.seenBy(key, this.informer)) return undefined;
    return this.informer
      .byIndex(BY_SERVICE, key)
      .filter((slice) => this.isManaged(slice) && slice.metadata.deletionTimestamp === undefined);
  }

  /** `trigger`: when what changed the slices began; they show it. */
  async apply(key: string, namespace: string, plan: SlicePlan, trigger?: string): Promise<void> {
    try {
      for (const slice of plan.create) {
        this.written.wrote(key, await this.client.create(gvr.endpointslices, namespace, triggered(slice, trigger)));
      }
    } catch (error) {
      if (hasCause(error, 'NamespaceTerminating')) return;
      throw error;
    }
    for (const slice of plan.update) {
      this.written.wrote(key, await this.client.update(gvr.endpointslices, namespace, triggered(slice, trigger)));
    }
    for (const slice of plan.remove) {
      try {
        await this.client.delete(gvr.endpointslices, namespace, slice.metadata.name!);
      } catch (error) {
        if (!isNotFound(error)) throw error;
      }
    }
  }

  forget(key: string): void {
    this.written.forget(key);
  }
}

function triggered(slice: EndpointSlice, time: string | undefined): EndpointSlice {
  const annotations = withTriggerTime(slice.metadata.annotations, time);
  return annotations === slice.metadata.annotations
    ? slice
    : { ...slice, metadata: { ...slice.metadata, annotations } };
}
