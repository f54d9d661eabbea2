import type { KubeObject } from '#apimachinery';

/** Who keeps a namespace from going, in words. Pure. */

/** Objects that the text names; it counts the others. */
const MOST_NAMED = 10;

export interface RemainingObjects {
  /** `<plural>.<group>`. */
  resource: string;
  objects: readonly KubeObject[];
}

/** Names what is left, with the finalizers that hold it and who set them, or the node that has not stopped a pod. */
export function blockers(remaining: readonly RemainingObjects[]): string | undefined {
  const all = remaining.flatMap(({ resource, objects }) =>
    objects.map((object) => `${resource.replace(/\.$/, '')}/${object.metadata.name} (${heldBy(object)})`),
  );
  if (all.length === 0) return undefined;
  const named = all.sort().slice(0, MOST_NAMED).join('; ');
  const more = all.length - MOST_NAMED;
  return `Deletion waits for ${named}${more > 0 ? `; and ${more} more` : ''}`;
}

function heldBy(object: KubeObject): string {
  const { finalizers = [], deletionTimestamp } = object.metadata;
  if (finalizers.length > 0) return finalizers.map((finalizer) => finalizerText(object, finalizer)).join(', ');
  if (deletionTimestamp === undefined) return 'not deleted yet';
  const node = object['spec']?.nodeName as string | undefined;
  return node ? `node ${node} has not stopped it` : 'being deleted';
}

function finalizerText(object: KubeObject, finalizer: string): string {
  const managers = (object.metadata.managedFields ?? [])
    .filter(({ fieldsV1 }) => ownsFinalizer(fieldsV1, finalizer))
    .map(({ manager }) => manager)
    .filter((manager) => manager !== undefined);
  const setBy = managers.length > 0 ? `, set by ${[...new Set(managers)].join(' and ')}` : '';
  return `finalizer ${finalizer}${setBy}`;
}

function ownsFinalizer(fields: unknown, finalizer: string): boolean {
  const owned = (fields as { 'f:metadata'?: { 'f:finalizers'?: object } } | undefined)?.['f:metadata']?.[
    'f:finalizers'
  ];
  return owned !== undefined && Object.hasOwn(owned, `v:${JSON.stringify(finalizer)}`);
}
