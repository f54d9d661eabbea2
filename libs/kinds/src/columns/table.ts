import type { KubeObject } from '#apimachinery';
import { ownValue } from '#apimachinery';
import type { TableColumn } from '../contract/definition.js';
import { columnFacts, type ResourceFacts } from '../facts/facts.js';
import type { Cells } from './cells.js';
import { kindColumns } from './kind-columns.js';

/** The server-side Table of a kind: columns from the facts, cells from the kind's `*.columns.ts`. */
export interface Table {
  readonly columns: readonly TableColumn[];
  cells(object: KubeObject, now: Date): unknown[];
}

const generic: Cells = (object) => [object.metadata.name ?? '', object.metadata.creationTimestamp ?? null];

/** Also for kinds that are no resources of their own, such as Scale. */
export function tableOf(resource: Pick<ResourceFacts, 'group' | 'kind'>): Table {
  const { kind } = resource;
  const cells = ownValue(kindColumns, `${resource.group}/${kind}`) ?? ownValue(kindColumns, kind);
  let columns: TableColumn[] | undefined;
  return {
    get columns() {
      return (columns ??= cells === undefined ? genericColumns() : declaredColumns(kind));
    },
    cells: cells ?? generic,
  };
}

function declaredColumns(kind: string): TableColumn[] {
  const facts = ownValue(columnFacts().kinds, kind);
  if (facts === undefined) throw new Error(`no columns are declared for ${kind}`);
  return facts.map(([name, type, format, priority, how]) => ({
    name,
    type,
    format,
    description: sentence(name, how),
    priority,
  }));
}

function genericColumns(): TableColumn[] {
  return [
    {
      name: 'Name',
      type: 'string',
      format: 'name',
      description: 'Name of the object, unique in its scope.',
      priority: 0,
    },
    { name: 'Created At', type: 'date', format: '', description: 'When the server made the object.', priority: 0 },
  ];
}

function sentence(name: string, how: string): string {
  if (name === 'Name') return 'Name of the object, unique in its scope.';
  if (name === 'Age') return 'Time since the object was made.';
  return `${how[0]!.toUpperCase()}${how.slice(1)}.`;
}
