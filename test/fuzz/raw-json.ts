/** Text that stands in a JSON document as it is: numbers beyond all types, repeated keys, what is no JSON at all. */
export class RawJson {
  constructor(readonly text: string) {}
}

/** As JSON.stringify, with raw parts. */
export function writeJson(value: unknown): string {
  if (value instanceof RawJson) return value.text;
  if (Array.isArray(value)) return `[${value.map(writeJson).join(',')}]`;
  if (value === null || typeof value !== 'object') return JSON.stringify(value) ?? 'null';
  return writeEntries(Object.entries(value));
}

/** An object of these members in this order; a name may come more than once. */
export function writeEntries(entries: readonly (readonly [string, unknown])[]): string {
  return `{${entries.map(([key, value]) => `${JSON.stringify(key)}:${writeJson(value)}`).join(',')}}`;
}
