/** Fields of an entry that have a place of their own in the line. */
const PLACED = new Set(['level', 'time', 'component', 'msg']);

/** An entry for people, from its JSON: an error shows its message, and where an error ends something its stack as well. */
export function textLine(json: string): string {
  const entry = JSON.parse(json) as Record<string, unknown>;
  let line = `${entry['time']} ${String(entry['level']).toUpperCase()} ${entry['component']}: ${entry['msg'] ?? ''}`;
  for (const [key, value] of Object.entries(entry)) {
    if (PLACED.has(key)) continue;
    if (!isDescribedError(value)) {
      line += ` ${key}=${JSON.stringify(value)}`;
      continue;
    }
    line += ` ${key}=${JSON.stringify(value.message)}`;
    if (entry['level'] === 'error') line += ` ${key}.stack=${JSON.stringify(value.stack)}`;
  }
  return `${line}\n`;
}

function isDescribedError(value: unknown): value is { message: string; stack: string } {
  return typeof value === 'object' && value !== null && 'stack' in value && 'message' in value;
}
