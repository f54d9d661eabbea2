import { appendAll, isJsonObject, ownValue } from '#apimachinery';

/**
 * The dialect of JSONPath that printer columns and selectable fields are written in: the part of client-go's package jsonpath
 * without ranges. Fields (`.a`, `['a']`, with `\` before a dot that belongs to a name), `.*`, `..`, `[1]`, `[-1:]`, `[0:4:2]`,
 * `[*]`, `[0,2]` and filters (`[?(@.type=="Ready")]`).
 */

/** All values at the path, in order; none when there is nothing. Throws JsonPathError for what cannot be read that way. */
export type JsonPath = (value: unknown) => unknown[];

/** Of a path that is no path, and of a value that it does not fit. */
export class JsonPathError extends Error {}

/** From values to values. */
type Step = (values: readonly unknown[]) => unknown[];

/** `text` without the braces around it: `.spec.replicas`. Throws JsonPathError. */
export function compileJsonPath(text: string): JsonPath {
  const steps = new PathReader(text).steps();
  return (value) => follow(steps, [value]);
}

/** Of one step: unions and descents multiply what they are given, and a column shows a few values. */
const MAX_VALUES = 10_000;
const MAX_WAYS = 100;

function follow(steps: readonly Step[], values: readonly unknown[]): unknown[] {
  let current = values;
  for (const step of steps) {
    current = step(current);
    if (current.length > MAX_VALUES) throw new JsonPathError(`more than ${MAX_VALUES} values`);
  }
  return [...current];
}

/** What a name or a number ends before. */
const ENDS = new Set([' ', '\t', '\r', '\n', '.', ',', '[', ']', '$', '@', '{', '}']);

class PathReader {
  private at = 0;

  constructor(private readonly text: string) {}

  steps(): Step[] {
    const { text } = this;
    const steps: Step[] = [];
    while (this.at < text.length) {
      const char = text[this.at]!;
      if (text.startsWith('[?(', this.at)) steps.push(this.filter());
      else if (text.startsWith('..', this.at)) this.recursion(steps);
      else if (char === '[') appendAll(steps, bracket(this.upTo(']', 'unterminated array').slice(1, -1)));
      else if (char === '.') steps.push(this.field());
      else if (char === '"' || char === "'") steps.push(constant(this.quoted(char)));
      else if (/[-+\d]/.test(char)) steps.push(constant(this.number()));
      else if (/[\p{L}_]/u.test(char)) steps.push(constant(this.word()));
      else if (char === ' ' || char === '@' || char === '$') this.at += 1;
      else throw new JsonPathError(`unrecognized character in action: ${char}`);
    }
    return steps;
  }

  private recursion(steps: Step[]): void {
    if (steps.at(-1) === descend) throw new JsonPathError('invalid multiple recursive descent');
    steps.push(descend);
    this.at += 2;
    if (/[\p{L}\d_]/u.test(this.text[this.at] ?? '')) {
      this.at -= 1;
      steps.push(this.field());
    }
  }

  /** From its dot on. */
  private field(): Step {
    this.at += 1;
    let name = '';
    while (this.at < this.text.length && !ENDS.has(this.text[this.at]!)) {
      if (this.text[this.at] === '\\') this.at += 1;
      name += this.text[this.at] ?? '';
      this.at += 1;
    }
    return name === '*' ? allMembers : member(name);
  }

  private filter(): Step {
    const start = this.at + '[?('.length;
    let quote = '';
    for (let at = start; at < this.text.length; at++) {
      const char = this.text[at]!;
      if (quote !== '') {
        if (char === quote && this.text[at - 1] !== '\\') quote = '';
      } else if (char === '"' || char === "'") quote = char;
      else if (char === ')') {
        if (this.text[at + 1] !== ']') throw new JsonPathError('unclosed array expect ]');
        this.at = at + 2;
        return filterOf(this.text.slice(start, at));
      }
    }
    throw new JsonPathError('unterminated filter');
  }

  private quoted(quote: string): string {
    let at = this.at + 1;
    while (at < this.text.length && (this.text[at] !== quote || this.text[at - 1] === '\\')) at += 1;
    if (at >= this.text.length) throw new JsonPathError('unterminated quoted string');
    const inner = this.text.slice(this.at + 1, at);
    this.at = at + 1;
    return inner.replace(/\\(.)/gs, '$1');
  }

  private number(): number {
    const start = this.at;
    this.at += 1;
    while (/[.\d]/.test(this.text[this.at] ?? '')) this.at += 1;
    const text = this.text.slice(start, this.at);
    const value = Number(text);
    if (Number.isNaN(value)) throw new JsonPathError(`cannot parse number ${text}`);
    return value;
  }

  private word(): boolean {
    const start = this.at;
    while (this.at < this.text.length && !ENDS.has(this.text[this.at]!)) this.at += 1;
    const text = this.text.slice(start, this.at);
    if (text !== 'true' && text !== 'false') throw new JsonPathError(`unrecognized identifier ${text}`);
    return text === 'true';
  }

  private upTo(end: string, problem: string): string {
    const found = this.text.indexOf(end, this.at);
    if (found < 0) throw new JsonPathError(problem);
    const text = this.text.slice(this.at, found + 1);
    this.at = found + 1;
    return text;
  }
}

/** What stands between brackets that are no filter. */
function bracket(text: string): Step[] {
  if (text.includes(',')) {
    const parts = text.split(',');
    if (parts.length > MAX_WAYS) throw new JsonPathError(`more than ${MAX_WAYS} parts of a union`);
    const ways = parts.map((part) => bracket(part.trim()));
    return [(values) => ways.flatMap((steps) => follow(steps, values))];
  }
  const key = /^'([^']*)'$/.exec(text)?.[1];
  if (key !== undefined) return new PathReader(`.${key}`).steps();
  return [slice(text === '*' ? ':' : text)];
}

function slice(text: string): Step {
  const found = /^(-?\d*)(:-?\d*)?(:-?\d*)?$/.exec(text);
  if (found === null) throw new JsonPathError(`invalid array index ${text}`);
  const [from, to, step] = [found[1], found[2]?.slice(1), found[3]?.slice(1)].map(wholeNumber);
  const isOne = found[2] === undefined;
  return (values) =>
    values.flatMap((value) => (isMissing(value) ? [] : cut(value, from ?? 0, isOne ? 'one' : to, step)));
}

function wholeNumber(text: string | undefined): number | undefined {
  if (text === undefined || text === '') return undefined;
  const value = Number(text);
  if (Number.isNaN(value)) throw new JsonPathError(`array index ${text} is not a number`);
  return value;
}

function cut(value: unknown, from: number, to: number | 'one' | undefined, step = 1): unknown[] {
  if (!Array.isArray(value)) throw new JsonPathError('is not array or slice');
  const { length } = value;
  const first = from < 0 ? from + length : from;
  const end = to === 'one' ? first + 1 : to === undefined ? length : to < 0 ? to + length : to;
  if (first === end) return [];
  if (first < 0 || first >= length) {
    throw new JsonPathError(`array index out of bounds: index ${first}, length ${length}`);
  }
  if (end < 0 || end > length) throw new JsonPathError(`array index out of bounds: index ${end - 1}, length ${length}`);
  if (first > end) throw new JsonPathError(`starting index ${first} is greater than ending index ${end}`);
  if (step <= 0) throw new JsonPathError('step must be > 0');
  return value.slice(first, end).filter((_, index) => index % step === 0);
}

function member(name: string): Step {
  return (values) =>
    values.flatMap((value) => (isJsonObject(value) && Object.hasOwn(value, name) ? [ownValue(value, name)] : []));
}

const allMembers: Step = (values) => values.flatMap(membersOf);

const descend: Step = (values) =>
  values.flatMap((value) => {
    const members = membersOf(value);
    return members.length === 0 ? [] : [value, ...descend(members)];
  });

function membersOf(value: unknown): unknown[] {
  if (Array.isArray(value)) return value;
  return isJsonObject(value) ? Object.values(value) : [];
}

function constant(value: unknown): Step {
  return (values) => values.map(() => value);
}

function isMissing(value: unknown): boolean {
  return value === null || value === undefined;
}

function filterOf(text: string): Step {
  // The first run of these characters is the operator.
  const found = /^([^!<>=]+)([!<>=]+)([\s\S]+)$/.exec(text);
  const left = new PathReader(found?.[1] ?? text).steps();
  const right = found === null ? undefined : new PathReader(found[3]!).steps();
  const operator = found?.[2];
  const passes = (item: unknown): boolean => {
    const lefts = follow(left, [item]);
    if (right === undefined) return lefts.length > 0;
    const rights = follow(right, [item]);
    if (lefts.length === 0 || rights.length === 0) return false;
    if (lefts.length > 1 || rights.length > 1) throw new JsonPathError('can only compare one element at a time');
    return compare(lefts[0], operator!, rights[0]);
  };
  return (values) =>
    values.flatMap((value) => {
      if (!Array.isArray(value)) throw new JsonPathError('is not array or slice and cannot be filtered');
      return value.filter(passes);
    });
}

function compare(left: unknown, operator: string, right: unknown): boolean {
  const isOrder = operator !== '==' && operator !== '!=';
  if (typeof left !== typeof right || (isOrder && typeof left === 'boolean') || typeof left === 'object') {
    throw new JsonPathError('incompatible types for comparison');
  }
  const [a, b] = [left, right] as [number, number];
  switch (operator) {
    case '==':
      return a === b;
    case '!=':
      return a !== b;
    case '<':
      return a < b;
    case '<=':
      return a <= b;
    case '>':
      return a > b;
    case '>=':
      return a >= b;
    default:
      throw new JsonPathError(`unrecognized filter operator ${operator}`);
  }
}
