import type { KubeObject } from '#apimachinery';
import type { TableColumn } from '../contract/definition.js';
import type { Cells } from '../contract/kind-module.js';
import type { ColumnFacts } from '../facts/facts.js';
import { nameAndCreation } from './cells.js';

/** The server-side Table of a kind: columns from the facts, cells from the kind. */
export interface Table {
  readonly columns: readonly TableColumn[];
  cells(object: KubeObject, now: Date): unknown[];
}

/** Kinds without cells of their own have the generic columns, whatever they declare. */
export function tableOf(declared: readonly ColumnFacts[] | undefined, cells: Cells | undefined): Table {
  if (cells === undefined) return generic;
  if (declared === undefined) throw new Error('no columns are declared for the cells');
  return { columns: declared.map(column), cells };
}

function column([name, type, format, priority, how]: ColumnFacts): TableColumn {
  return { name, type, format, description: sentence(name, how), priority };
}

const generic: Table = {
  columns: [
    {
      name: 'Name',
      type: 'string',
      format: 'name',
      description: 'Name of the object, unique in its scope.',
      priority: 0,
    },
    { name: 'Created At', type: 'date', format: '', description: 'When the server made the object.', priority: 0 },
  ],
  cells: nameAndCreation,
};

function sentence(name: string, how: string): string {
  if (name === 'Name') return 'Name of the object, unique in its scope.';
  if (name === 'Age') return 'Time since the object was made.';
  return `${how[0]!.toUpperCase()}${how.slice(1)}.`;
}
