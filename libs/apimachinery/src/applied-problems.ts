import { isAssociative, isScalar, itemElement } from './field-compare.js';
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
  yield* findProblems(schema, applied, problems, pace);
  return problems;
}

/** Problems get the steps of their path on the way back: where all fits, no path is made. */
function* findProblems(node: SchemaNode, value: unknown, problems: string[], pace: Pace | undefined): Steps<void> {
  if (pace?.isDue()) yield;
  if (Array.isArray(value)) {
    if (node.kind === 'list' && node.items !== undefined) yield* findInList(node, node.items, value, problems, pace);
  } else if (isJsonObject(value) && (node.kind === 'object' || node.kind === 'map')) {
    for (const key in value) {
      const child = (node.kind === 'object' ? node.field(key) : undefined) ?? node.items;
      const from = problems.length;
      if (child === undefined) problems.push(': field not declared in schema');
      else if (!isScalar(value[key])) yield* findProblems(child, value[key], problems, pace);
      if (problems.length > from) prefix(problems, from, `.${key}`);
      if (child === undefined) return;
    }
  }
}

function* findInList(
  node: SchemaNode,
  items: SchemaNode,
  list: readonly unknown[],
  problems: string[],
  pace: Pace | undefined,
): Steps<void> {
  const seen = new Set<string>();
  for (const [i, item] of list.entries()) {
    const element = isAssociative(node) ? itemElement(node, items, item) : `[${i}]`;
    if (element === undefined) {
      problems.push(`: element ${i}: ${whyNoElement(node, item)}`);
      return;
    }
    if (seen.has(element)) problems.push(`: duplicate entries for key ${elementText(element)}`);
    seen.add(element);
    const from = problems.length;
    if (!isScalar(item)) yield* findProblems(items, item, problems, pace);
    if (problems.length > from) prefix(problems, from, isAssociative(node) ? elementText(element) : element);
  }
}

function prefix(problems: string[], from: number, step: string): void {
  for (let i = from; i < problems.length; i += 1) problems[i] = step + problems[i];
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
