import type { KubeObject } from '#apimachinery';
import type { ResourceFacts } from '../facts.js';

export function defaulterFor(_resource: ResourceFacts): (object: KubeObject) => void {
  return () => {};
}
