/** Texts that YAML reads as what they are: letters first, and nothing that means something. */
const PLAIN = /^[A-Za-z_][A-Za-z0-9_./-]*$/;
/** What YAML 1.1 or 1.2 reads as something else than a text. */
const WORD = /^(?:true|false|null|yes|no|on|off|y|n|e[0-9]+)$/i;
/** What a literal block shows as it is. */
const LITERAL = /^[!-~][ -~\n]*$/;
/** JSON leaves them as they are; to YAML they are line breaks, or not printable. */
const UNPRINTABLE = /[\u007f-\u009f\u2028\u2029\ufeff\ufffe\uffff]/g;
/** A longer key has to be marked as one. */
const MAX_PLAIN_KEY = 1000;

/**
 * JSON data as YAML that both versions of the language read alike. A general library takes a microsecond for each
 * byte, for which an answer has no time.
 */
export function yamlText(value: unknown): string {
  return `${yamlLines(value, '', '').join('\n')}\n`;
}

/** Its lines: `lead` is what stands before the value on the first one, `indent` before each further one. */
export function yamlLines(value: unknown, lead: string, indent: string): string[] {
  const lines: string[] = [];
  write(lines, lead, indent, value ?? null);
  return lines;
}

function write(lines: string[], lead: string, indent: string, value: unknown): void {
  if (typeof value === 'string' && value.includes('\n') && LITERAL.test(value)) {
    writeLiteral(lines, lead, indent === '' ? '  ' : indent, value);
  } else if (typeof value !== 'object' || value === null) lines.push(`${lead}${scalar(value)}`);
  else if (Array.isArray(value)) writeList(lines, lead, indent, value);
  else writeMap(lines, lead, indent, value as Record<string, unknown>, definedKeys(value));
}

function writeList(lines: string[], lead: string, indent: string, list: readonly unknown[]): void {
  if (list.length === 0) lines.push(`${lead}[]`);
  list.forEach((item, i) => {
    write(lines, `${i === 0 ? lead : indent}- `, `${indent}  `, item ?? null);
  });
}

function definedKeys(map: object): string[] {
  const values = Object.values(map);
  const keys = Object.keys(map);
  return values.includes(undefined) ? keys.filter((_, i) => values[i] !== undefined) : keys;
}

/** `keys`: those of the map that have a value; to list them takes long where there are many. */
function writeMap(
  lines: string[],
  lead: string,
  indent: string,
  map: Record<string, unknown>,
  keys: readonly string[],
): void {
  if (keys.length === 0) lines.push(`${lead}{}`);
  let start = lead;
  for (const key of keys) {
    // own-lookup: the key is one of the map's own
    const value = map[key];
    const name = scalar(key);
    let opening = `${start}${name}:`;
    if (name.length > MAX_PLAIN_KEY) {
      lines.push(`${start}? ${name}`);
      opening = `${indent}:`;
    }
    start = indent;
    if (typeof value !== 'object' || value === null) write(lines, `${opening} `, `${indent}  `, value);
    else if (Array.isArray(value)) {
      if (value.length === 0) lines.push(`${opening} []`);
      else {
        lines.push(opening);
        writeList(lines, indent, indent, value);
      }
    } else {
      const below = definedKeys(value);
      if (below.length === 0) lines.push(`${opening} {}`);
      else {
        lines.push(opening);
        writeMap(lines, `${indent}  `, `${indent}  `, value as Record<string, unknown>, below);
      }
    }
  }
}

function scalar(value: unknown): string {
  if (typeof value !== 'string') return JSON.stringify(value);
  if (PLAIN.test(value) && !WORD.test(value)) return value;
  return JSON.stringify(value).replace(UNPRINTABLE, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

function writeLiteral(lines: string[], lead: string, indent: string, text: string): void {
  let end = text.length;
  while (text[end - 1] === '\n') end -= 1;
  const breaks = text.length - end;
  lines.push(`${lead}${breaks === 0 ? '|-' : breaks === 1 ? '|' : '|+'}`);
  for (const line of text.slice(0, end).split('\n')) lines.push(line === '' ? '' : `${indent}${line}`);
  for (let i = 1; i < breaks; i += 1) lines.push('');
}
