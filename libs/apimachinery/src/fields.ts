import { badRequest } from './status.js';

export interface FieldRequirement {
  readonly field: string;
  readonly operator: '=' | '!=';
  readonly value: string;
}

/** A parsed field selector: all requirements must hold. A label that an object lacks reads as ''. */
export class FieldMatcher {
  constructor(readonly requirements: readonly FieldRequirement[]) {}

  static readonly everything = new FieldMatcher([]);

  get isEverything(): boolean {
    return this.requirements.length === 0;
  }

  /** `read` gives the value of a field label of the object at hand. */
  matches(read: (field: string) => string): boolean {
    for (const { field, operator, value } of this.requirements) {
      if ((read(field) === value) !== (operator === '=')) return false;
    }
    return true;
  }

  /** The value that this field must have, when there is just one. */
  exactValue(field: string): string | undefined {
    return this.requirements.find((item) => item.field === field && item.operator === '=')?.value;
  }

  /** The first field with a required value, for an index. */
  exactMatch(): { field: string; value: string } | undefined {
    return this.requirements.find((item) => item.operator === '=');
  }

  toString(): string {
    return this.requirements
      .map(({ field, operator, value }) => `${field}${operator}${escapeFieldValue(value)}`)
      .join(',');
  }
}

/** Makes any text usable as the value of a field selector. */
export function escapeFieldValue(value: string): string {
  return value.replace(/[\\,=]/g, '\\$&');
}

/** Parses the text of a fieldSelector parameter. Throws a 400 with the words of the reference. */
export function parseFieldSelector(selector: string): FieldMatcher {
  if (selector === '') return FieldMatcher.everything;
  const requirements: FieldRequirement[] = [];
  for (const term of splitTerms(selector).sort()) {
    if (term === '') continue;
    const match = /^(.*?)(!=|==|=)(.*)$/s.exec(term);
    if (match === null) throw badRequest(`invalid selector: '${selector}'; can't understand '${term}'`);
    const [, field = '', operator, value = ''] = match;
    requirements.push({ field, operator: operator === '!=' ? '!=' : '=', value: unescapeFieldValue(value) });
  }
  return requirements.length === 0 ? FieldMatcher.everything : new FieldMatcher(requirements);
}

/** Splits at commas that no backslash precedes. */
function splitTerms(selector: string): string[] {
  const terms: string[] = [];
  let start = 0;
  for (let i = 0; i < selector.length; i++) {
    if (selector[i] === '\\') i++;
    else if (selector[i] === ',') {
      terms.push(selector.slice(start, i));
      start = i + 1;
    }
  }
  terms.push(selector.slice(start));
  return terms;
}

function unescapeFieldValue(text: string): string {
  let value = '';
  const chars = [...text];
  for (let i = 0; i < chars.length; i++) {
    const char = chars[i]!;
    if (char === '\\') {
      const escaped = chars[++i];
      if (escaped === undefined || !'\\,='.includes(escaped)) {
        throw badRequest(`invalid field selector: invalid escape sequence: \\${escaped ?? ''}`);
      }
      value += escaped;
    } else if (char === ',' || char === '=') {
      // The reference prints the rune as a number.
      throw badRequest(`invalid field selector: unescaped character in value: ${char.codePointAt(0)}`);
    } else {
      value += char;
    }
  }
  return value;
}
