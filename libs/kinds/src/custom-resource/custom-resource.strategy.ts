import { forbidden, type GroupResource, type KubeObject, quote, semanticEqual } from '#apimachinery';
import type { WriteContext } from '../contract/definition.js';
import type { KindStrategy, KindValidator } from '../contract/kind-module.js';
import type { CustomResourceSubresourceScale } from '../generated/types.js';
import { scaleErrors } from './scale-view.js';

/** What all custom resources do around a write, beyond their schema. */
export function customResourceStrategy(resource: GroupResource, isTerminating: () => boolean): KindStrategy {
  return {
    // Every change beside the metadata counts, of fields that no schema names too.
    generationOf: [],
    prepareForCreate(object: KubeObject) {
      if (!isTerminating()) return;
      const why = 'create not allowed while custom resource definition is terminating';
      throw forbidden(resource, object.metadata.name ?? '', why);
    },
    prepareForUpdate(object: KubeObject, old: KubeObject, { subresource }: WriteContext) {
      if (subresource === 'status' || semanticEqual(withoutMetadata(object), withoutMetadata(old))) return;
      object.metadata.generation = (old.metadata.generation ?? 0) + 1;
    },
  };
}

function withoutMetadata(object: KubeObject): Record<string, unknown> {
  const { metadata: _, ...rest } = object;
  return rest;
}

/** Checks of a resource with a scale subresource. */
export function customResourceChecks(scale: CustomResourceSubresourceScale): Omit<KindValidator, 'rules'> {
  return {
    validateCreate: (object) => scaleErrors(scale, object, 'all'),
    validateUpdate: (object, _old, { subresource }) =>
      scaleErrors(scale, object, subresource === 'status' ? 'status' : 'all'),
  };
}

/** What writers are told of finalizers that may collide with those of others. */
export function finalizerWarnings({ metadata }: KubeObject, old: KubeObject | undefined): string[] {
  const before = new Set(old?.metadata.finalizers);
  return (metadata.finalizers ?? [])
    .filter((finalizer) => !before.has(finalizer) && !finalizer.includes('/') && !standardFinalizers.has(finalizer))
    .map((finalizer) => {
      const how = finalizer.includes('.')
        ? 'including a path (/) to avoid accidental conflicts with other finalizer writers'
        : 'to avoid accidental conflicts with other finalizer writers';
      return `metadata.finalizers: ${quote(finalizer)}: prefer a domain-qualified finalizer name ${how}`;
    });
}

const standardFinalizers = new Set(['orphan', 'foregroundDeletion', 'kubernetes']);
