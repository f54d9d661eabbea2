import type { FieldError, KubeObject } from '#apimachinery';
import type { ResourceFacts } from '../facts.js';

export interface FactChecks {
  validate(object: KubeObject): FieldError[];
  validateUnchanged(object: KubeObject, old: KubeObject): FieldError[];
}
export function checksFor(_resource: ResourceFacts): FactChecks {
  return { validate: () => [], validateUnchanged: () => [] };
}
