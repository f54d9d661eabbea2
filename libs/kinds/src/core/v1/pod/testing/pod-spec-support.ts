import { context, created, createErrors, resource } from '../../../../testing/spec-support.js';

/** For specs of pods: a good one to break. */

const path = 'v1/pods';

export function pod(): any {
  return { metadata: { name: 'it' }, spec: { containers: [{ name: 'web', image: 'nginx' }] } };
}

export function first(object: any): any {
  return object.spec.containers[0];
}

/** What a create finds wrong with the pod after `mutate`. */
export function podErrors(mutate: (object: any) => void): string[] {
  const object = pod();
  mutate(object);
  return createErrors(path, object);
}

export interface PodChange {
  /** What the stored pod was made with. */
  before?: (object: any) => void;
  /** What the stored pod has from elsewhere, status too. */
  stored?: (object: any) => void;
  change: (object: any) => void;
  subresource?: string;
}

/** What an update finds wrong. Messages are cut before the difference that some of them show. */
export function changeErrors({ before, stored, change, subresource = '' }: PodChange): string[] {
  const { strategy } = resource(path);
  const body = pod();
  body.spec.containers[0].resources = { requests: { cpu: '1', memory: '1Gi' } };
  body.spec.tolerations = [{ key: 'k', operator: 'Exists' }];
  before?.(body);
  const old = created(path, body);
  stored?.(old);
  const object = structuredClone(old);
  object.metadata.resourceVersion = old.metadata.resourceVersion = '7';
  change(object);
  strategy.applyDefaults(object);
  strategy.prepareForUpdate(object, old, context(subresource));
  const errors = strategy.validateUpdate(object, old, context(subresource));
  return errors.map(({ field, message }) => `${field}: ${message.split('\n')[0]}`);
}
