import { isAssociative, itemElement } from './field-compare.js';
import { isJsonObject } from './json.js';
import type { SchemaNode } from './schema.js';
import type { Pace, Steps } from './steps.js';

type Json = Record<string, unknown>;

/**
 * What of an applied configuration does not fit its type, each with its path: fields that the type does not have (the
 * first of each object), items of associative lists that cannot be told apart. Such a configuration is refused whatever
 * field validation is asked for, since nobody can own what it names. Empty when all fits.
 * Pauses where `pace` says so. Fact: structured-merge-diff 6.4.2, typed/validate.go.
 */
export function* appliedProblemSteps(schema: SchemaNode, applied: Json, pace: Pace | undefined): Steps<string[]> {
  const problems: string[] = [];
  yield* findProblems(schema, applied, '', problems, pace);
  return problems;
}

function* findProblems(
  node: SchemaNode,
  value: unknown,
  path: string,
  problems: string[],
  pace: Pace | undefined,
): Steps<void> {
  if (pace?.isDue()) yield;
  if (Array.isArray(value)) {
    if (node.kind === 'list' && node.items !== undefined)
      yield* findInList(node, node.items, value, path, problems, pace);
  } else if (isJsonObject(value) && (node.kind === 'object' || node.kind === 'map')) {
    for (const key in value) {
      const child = (node.kind === 'object' ? node.field(key) : undefined) ?? node.items;
      if (child === undefined) {
        problems.push(`${path}.${key}: field not declared in schema`);
        return;
      }
      yield* findProblems(child, value[key], `${path}.${key}`, problems, pace);
    }
  }
}

function* findInList(
  node: SchemaNode,
  items: SchemaNode,
  list: readonly unknown[],
  path: string,
  problems: string[],
  pace: Pace | undefined,
): Steps<void> {
  const seen = new Set<string>();
  for (const [i, item] of list.entries()) {
    let at = `[${i}]`;
    if (isAssociative(node)) {
      const element = itemElement(node, items, item);
      if (element === undefined) {
        problems.push(`${path}: element ${i}: ${whyNoElement(node, item)}`);
        return;
      }
      at = elementText(element);
      if (seen.has(element)) problems.push(`${path}: duplicate entries for key ${at}`);
      seen.add(element);
    }
    yield* findProblems(items, item, `${path}${at}`, problems, pace);
  }
}

function whyNoElement(node: SchemaNode, item: unknown): string {
  if (node.listType === 'set') {
    if (Array.isArray(item)) return 'not supported: associative list with lists as elements';
    return `associative list without keys has an element that's ${item === null ? 'an explicit null' : 'a map type'}`;
  }
  if (item === null) return 'associative list with keys may not have a null element';
  if (!isJsonObject(item)) return 'associative list with keys may not have non-map elements';
  const keys = node.listMapKeys.map((key) => JSON.stringify(key)).join(' ');
  return `associative list with keys has an element that omits all key fields [${keys}] (and doesn't have default values for any key fields)`;
}

/** `k:{"a":1,"b":"x"}` as `[a=1,b="x"]`, `v:"x"` as `[="x"]`. */
function elementText(element: string): string {
  const value: unknown = JSON.parse(element.slice(2));
  if (element.startsWith('v:')) return `[=${JSON.stringify(value)}]`;
  return `[${Object.entries(value as Json)
    .map(([key, of]) => `${key}=${JSON.stringify(of)}`)
    .join(',')}]`;
}
