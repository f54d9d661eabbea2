import type { KubeObject } from '#apimachinery';
import { bare } from '#apimachinery';
import {
  hpaFromStorage,
  hpaToStorage,
} from '../autoscaling/v1/horizontal-pod-autoscaler/horizontal-pod-autoscaler.conversion.js';
import { eventFromStorage, eventToStorage } from '../events.k8s.io/v1/event/event.conversion.js';
import type { ResourceFacts } from '../facts/facts.js';

/** Where and in which version objects of a resource are stored, and the way to and from there. */
export interface StoredVersion {
  resource: string;
  version: { group: string; version: string };
  toStorage(object: KubeObject): KubeObject;
  fromStorage(object: KubeObject): KubeObject;
}

const identity = (object: KubeObject): KubeObject => object;

/** Served versions that are views of objects stored as another version. */
const views = bare<StoredVersion>({
  'events.k8s.io/v1/events': {
    resource: 'events',
    version: { group: '', version: 'v1' },
    toStorage: eventToStorage,
    fromStorage: eventFromStorage,
  },
  'autoscaling/v1/horizontalpodautoscalers': {
    resource: 'autoscaling/horizontalpodautoscalers',
    version: { group: 'autoscaling', version: 'v2' },
    toStorage: hpaToStorage,
    fromStorage: hpaFromStorage,
  },
});

export function versionsOf(facts: ResourceFacts): StoredVersion {
  const view = views[`${facts.group}/${facts.version}/${facts.plural}`];
  if (view !== undefined) return view;
  return {
    resource: facts.group === '' ? facts.plural : `${facts.group}/${facts.plural}`,
    version: { group: facts.group, version: facts.version },
    toStorage: identity,
    fromStorage: identity,
  };
}
