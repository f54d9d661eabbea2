import { type FieldError, type FieldPath, field, goJson, goValue, quote } from '#apimachinery';
import type { FieldCursor } from '../../validation/field-cursor.js';

/** What no path leads to, as the reference prints it. */
export const NO_PATH = '<nil>';

/**
 * What a validation against a schema found: errors in the words of kube-openapi's validation as apiextensions-apiserver
 * tells them. Each once: a value may be checked against the same condition several times.
 */
export class SchemaFindings {
  readonly errors: FieldError[] = [];
  /** Checks that were made; of several schemas that do not fit, the one with the most is told about. */
  matches = 0;
  private readonly known: string[] = [];
  private readonly texts = new Set<string>();

  constructor(
    private readonly at: FieldCursor,
    /** Where the validated value is, when it is not the whole object: paths in sentences begin at it, those of errors above. */
    private readonly above: FieldPath | undefined,
  ) {}

  /** For a schema that is one of several. */
  fresh(): SchemaFindings {
    return new SchemaFindings(this.at, this.above);
  }

  merge(other: SchemaFindings): void {
    this.matches += other.matches;
    for (let i = 0; i < other.errors.length; i++) this.add(other.known[i]!, () => other.errors[i]!);
  }

  /** Takes back all but the first errors. */
  keepFirst(count: number): void {
    for (const text of this.known.splice(count)) this.texts.delete(text);
    this.errors.length = count;
  }

  /** Of a type or a format; `found` is what stands instead, in quotes when it is told. */
  wrongType(expected: string, found: string): void {
    const shown = `${this.name} in body must be of type ${expected}: ${quote(found)}`;
    this.add(shown, () => field.typeInvalid(this.path(), found, shown));
  }

  required(name: string): void {
    const path = this.name === '' ? name : `${this.name}.${name}`;
    this.add(`${path} is required`, () => field.required(this.path(name)));
  }

  notSupported(value: unknown, values: readonly unknown[]): void {
    this.add(`${this.name} should be one of ${goValue(values)}`, () => {
      const texts = values.map((allowed) => (typeof allowed === 'string' ? allowed : goJson(allowed)));
      return field.notSupported(this.path(), value, texts);
    });
  }

  tooLong(max: number): void {
    this.add(`${this.name} at most ${max} chars`, () => field.tooLong(this.path(), max));
  }

  /** Of a list or, with other words that nobody sees, of a map. */
  tooMany(what: string, actual: number, max: number): void {
    this.add(`${this.name} at most ${max} ${what}`, () => field.tooMany(this.path(), actual, max));
  }

  /** `<path> in body <detail>`. */
  invalid(value: unknown, detail: string): void {
    const text = `${this.name} in body ${detail}`;
    this.add(text, () => field.invalid(this.path(), value, text));
  }

  /** `<path><detail>`, about the value at hand. */
  said(value: unknown, text: string): void {
    this.add(text, () => field.invalid(this.path(), value, text));
  }

  forbiddenProperty(name: string): void {
    const text = `${this.name}.${name} in body is a forbidden property`;
    this.add(text, () => field.invalid(this.path(), name, text));
  }

  /** What the reference tells without a path of its own. */
  general(text: string): void {
    this.add(text, () => field.invalid(this.above ?? NO_PATH, '', text));
  }

  /** The path from the validated value on, as sentences have it. */
  get name(): string {
    return this.at.path().toString();
  }

  private path(name = ''): FieldPath | string {
    const inner = this.at.path(name);
    const text = inner.toString();
    if (this.above === undefined) return text === '' ? NO_PATH : inner;
    return text === '' ? this.above : `${this.above}.${text}`;
  }

  private add(text: string, make: () => FieldError): void {
    if (this.texts.has(text)) return;
    this.texts.add(text);
    this.known.push(text);
    this.errors.push(make());
  }
}
