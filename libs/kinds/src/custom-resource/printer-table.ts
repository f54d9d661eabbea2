import { goJson, humanDuration, type KubeObject, parseTime } from '#apimachinery';
import { age, nameOf, unknown } from '../columns/cells.js';
import type { Table } from '../columns/table.js';
import type { TableColumn } from '../contract/definition.js';
import type { CustomResourceColumnDefinition } from '../generated/types.js';
import { compileJsonPath, type JsonPath } from './json-path.js';

/** The table of a custom resource: its name, then what `additionalPrinterColumns` ask for, or its age when they ask for nothing. */

interface Column {
  readonly shown: TableColumn;
  cell(object: KubeObject, now: Date): unknown;
}

const NAME: Column = {
  shown: {
    name: 'Name',
    type: 'string',
    format: 'name',
    description: 'Name of the object, unique in its scope.',
    priority: 0,
  },
  cell: nameOf,
};

const AGE: Column = {
  shown: { name: 'Age', type: 'date', format: '', description: 'Time since the object was made.', priority: 0 },
  cell: age,
};

export function printerTable(declared: readonly CustomResourceColumnDefinition[] | undefined): Table {
  const columns = [NAME, ...(declared?.length ? readable(declared) : [AGE])];
  return {
    columns: columns.map(({ shown }) => shown),
    cells: (object, now) => columns.map(({ cell }) => cell(object, now)),
  };
}

/** As the reference, a path that cannot be read ends the table: the columns before it are shown. */
function readable(declared: readonly CustomResourceColumnDefinition[]): Column[] {
  const columns: Column[] = [];
  for (const { name, type, format = '', description, priority = 0, jsonPath } of declared) {
    let path: JsonPath;
    try {
      path = compileJsonPath(jsonPath);
    } catch {
      break;
    }
    const told = description || `Custom resource definition column (in JSONPath format): ${jsonPath}`;
    columns.push({
      shown: { name, type, format, description: told, priority },
      cell: (object, now) => firstCell(path, type, object, now),
    });
  }
  return columns;
}

function firstCell(path: JsonPath, type: string, object: KubeObject, now: Date): unknown {
  let found: unknown[];
  try {
    found = path(object);
  } catch {
    return null;
  }
  return found.length === 0 ? null : cellOf(type, found[0], now);
}

/** The value as cells of a type show it; null for what does not fit the type. */
function cellOf(type: string, value: unknown, now: Date): unknown {
  if (type === 'string') return textOf(value);
  switch (typeof value) {
    case 'number':
      if (type === 'integer') return Math.trunc(value);
      return type === 'number' ? value : null;
    case 'boolean':
      return type === 'boolean' ? value : null;
    case 'string':
      return type === 'date' ? sinceText(value, now) : null;
    default:
      return null;
  }
}

function sinceText(time: string, now: Date): string {
  if (time === '' || time === 'null') return unknown;
  const at = parseTime(time);
  return at === undefined ? '<invalid>' : humanDuration(now.getTime() - at);
}

/** As Go prints it: lists and objects as JSON with sorted keys. */
function textOf(value: unknown): string {
  if (value === null) return '<no value>';
  if (typeof value !== 'object') return String(value);
  return goJson(value);
}
