import type { KubeObject } from '#apimachinery';
import type { ResourceDefinition } from '../contract/definition.js';
import type { SchemaDefinition } from '../definition/define-from-schema.js';

/** What is known of a resource without its schema. */
export type DefinitionHead = Omit<ResourceDefinition, Made | 'deletion' | 'rowConditions'>;

type Made = 'decode' | 'schema' | 'openApiSchemas' | 'strategy' | 'columns' | 'cells' | 'fieldValue';

/** A definition of which `make` gives what its schema says, when that is asked for first. */
export function lazyDefinition(head: DefinitionHead, make: () => SchemaDefinition): SchemaDefinition {
  let whole: SchemaDefinition | undefined;
  const made = (): SchemaDefinition => (whole ??= make());
  return {
    ...head,
    decode: (value) => made().decode(value),
    fromStorage: (object: KubeObject) => made().fromStorage(object),
    get schema() {
      return made().schema;
    },
    openApiSchemas: (dialect) => made().openApiSchemas?.(dialect) ?? {},
    get strategy() {
      return made().strategy;
    },
    deletion: {},
    get columns() {
      return made().columns;
    },
    cells: (object, now) => made().cells(object, now),
    rowConditions: undefined,
    fieldValue: (object, label) => made().fieldValue(object, label),
  };
}
