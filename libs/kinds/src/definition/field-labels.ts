import { type KubeObject, ownValue } from '#apimachinery';
import type { FieldReader } from '../contract/kind-module.js';

/** Field labels that field selectors of a kind may use, beyond metadata.name and metadata.namespace. */
export interface FieldLabels {
  names: readonly string[];
  value(object: KubeObject, label: string): string;
}

/** `readers`: of the labels that are not simply the field of that path. */
export function fieldLabelsOf(names: readonly string[], readers?: Readonly<Record<string, FieldReader>>): FieldLabels {
  const paths = new Map(names.map((name) => [name, name.split('.')]));
  return {
    names,
    value(object, label) {
      if (label === 'metadata.name') return object.metadata.name ?? '';
      if (label === 'metadata.namespace') return object.metadata.namespace ?? '';
      const read = ownValue(readers, label);
      let value: any;
      if (read !== undefined) {
        value = read(object);
      } else {
        value = object;
        for (const step of paths.get(label) ?? label.split('.')) value = ownValue(value, step);
      }
      return value === undefined || value === null ? '' : String(value);
    },
  };
}
