import { FieldPath } from '#apimachinery';
import type { Structural } from './structural.js';

/** A path of names in a schema (`.spec.color`, `.labels['a.b']`): what it leads to, or why it leads nowhere. */
export type PathResult = { readonly path: FieldPath | undefined; readonly place: Structural } | string;

const escapes = new Map(
  Object.entries({ a: '\x07', b: '\b', f: '\f', n: '\n', r: '\r', t: '\t', v: '\v', "'": "'", '\\': '\\' }),
);
const NO_FIELD = 'does not refer to a valid field';

/** As apiextensions-apiserver's ValidFieldPath; `brackets` says whether names may stand in brackets. */
export function fieldPathIn(root: Structural, text: string, brackets = true): PathResult {
  const tokens = tokensOf(text);
  let path: FieldPath | undefined;
  let place = root;
  for (let i = 0; i < tokens.length; i++) {
    const token = tokens[i]!;
    let name: string | undefined;
    if (token === '[') {
      if (!brackets) return 'array notation is not allowed';
      const quoted = tokens[++i];
      if (quoted === undefined) return 'unexpected end of JSON path';
      if (!/^'.*'$/s.test(quoted) || quoted.length < 2) return `expected single quoted string but got ${quoted}`;
      name = unescaped(quoted.slice(1, -1));
      if (name === undefined) return `invalid string literal: invalid escape char ${badEscape(quoted)}`;
    } else if (token === '.') {
      name = tokens[++i];
      if (name === undefined) return 'unexpected end of JSON path';
    } else return `expected [ or . but got: ${token}`;
    const isNamed = place.properties.size > 0;
    const next = isNamed ? place.properties.get(name) : place.additional;
    if (next === undefined) return NO_FIELD;
    path = path === undefined ? FieldPath.of(name) : isNamed ? path.child(name) : path.key(name);
    place = next;
    if (token === '[') {
      const closing = tokens[++i];
      if (closing === undefined) return 'unexpected end of JSON path';
      if (closing !== ']') return `expected ] but got ${closing}`;
    }
  }
  return { path, place };
}

/** Dots, brackets, texts in quotes, and what stands between them. */
function tokensOf(text: string): string[] {
  return text.match(/'(?:[^']|(?<=\\)')*'|[.[\]]|[^.[\]]+/g) ?? [];
}

function unescaped(text: string): string | undefined {
  let isGood = true;
  const result = text.replace(/\\(.)/gs, (_, letter: string) => {
    const meant = escapes.get(letter);
    if (meant === undefined) isGood = false;
    return meant ?? '';
  });
  return isGood ? result : undefined;
}

function badEscape(text: string): string {
  return [...text.matchAll(/\\(.)/gs)].find(([, letter]) => !escapes.has(letter!))?.[0] ?? '';
}
