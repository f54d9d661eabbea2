// What scripts/check-lookups.mjs must find (`// found`) and what it must pass over. It is read, never run.
declare const table: Record<string, number>;
declare const name: string;
declare const either: 'a' | 'b';
declare const list: number[];
declare const anything: any;
const NAMES = ['a', 'b'];

export const reads = [
  table[name], // found
  table[name.toLowerCase()], // found
  anything.deep?.[name], // found
  table[`${name}-data`], // found
  table[`to${name}`], // found
  table[`x:${name}`],
  table['constructor'],
  table[either],
  list[0],
  NAMES.map((key) => table[key]),
  Object.keys(table).map((key) => table[key]),
  Object.keys(anything).map((key) => table[key]), // found
  Object.hasOwn(table, name) ? table[name] : 0,
  Object.hasOwn(anything, name) ? table[name] : 0, // found
  Object.hasOwn(table, name) && table[name],
  // own-lookup: somebody has thought about it
  table[name],
  name in table, // found
  'a' in table,
  Object.assign({}, { a: 1 }),
  Object.assign({}, table), // found
  Object.assign({}, ...anything), // found
];

export function writes(object: Record<string, unknown>): void {
  object[name] = 1; // found
  object[name] ??= 1; // found
  object[`x:${name}`] = 1;
  object[either] = 1;
  delete object[name];
  for (const key in object) object[key] = 1;
  for (const key of NAMES) object[key] = 1;
  for (const key in table) object[key] = 1; // found
}

const { [name]: taken, [either]: named } = table; // found

void [taken, named];
