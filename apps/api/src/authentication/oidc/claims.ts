import { ownValue } from '#apimachinery';

const GO_KINDS: ReadonlyMap<string, string> = new Map([
  ['boolean', 'bool'],
  ['object', 'object'],
]);

function notText(value: unknown): Error {
  const kind = Array.isArray(value) ? 'array' : (GO_KINDS.get(typeof value) ?? typeof value);
  return new Error(`json: cannot unmarshal ${kind} into Go value of type string`);
}

/** The claims of a verified token. Nulls are empty texts, as in Go. */
export class Claims {
  constructor(readonly all: Readonly<Record<string, unknown>>) {}

  has(name: string): boolean {
    return Object.hasOwn(this.all, name);
  }

  value(name: string): unknown {
    return ownValue(this.all, name);
  }

  /** Throws where the claim is absent or no text. */
  text(name: string): string {
    if (!this.has(name)) throw new Error('claim not present');
    const value = this.value(name) ?? '';
    if (typeof value === 'string') return value;
    throw notText(value);
  }

  /** A text, or a list of texts. Throws where it is neither. */
  texts(name: string): string[] {
    const value = this.value(name);
    if (!Array.isArray(value)) return value === null ? [] : [this.text(name)];
    return value.map((item: unknown) => {
      if (item === null) return '';
      if (typeof item !== 'string') throw notText(item);
      return item;
    });
  }
}
