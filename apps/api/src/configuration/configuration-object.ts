import { parseDuration } from '#apimachinery';

/** Why a configuration file cannot be used; the message names the file and the field. */
export class ConfigurationError extends Error {
  override readonly name = 'ConfigurationError';
}

/** A part of a configuration file that is read strictly: what it does not expect, it refuses, with the path of the field. */
export class ConfigurationObject {
  private constructor(
    private readonly path: string,
    private readonly fields: ReadonlyMap<string, unknown>,
  ) {}

  /** `path` is how messages begin: the file, and the field in it. Throws ConfigurationError, as all methods. */
  static of(path: string, value: unknown, known: readonly string[]): ConfigurationObject {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
      throw new ConfigurationError(`${path}: must be an object`);
    }
    const fields = new Map<string, unknown>(Object.entries(value));
    for (const field of fields.keys()) {
      if (!known.includes(field)) throw new ConfigurationError(`${path}: unknown field ${JSON.stringify(field)}`);
    }
    return new ConfigurationObject(path, fields);
  }

  /** The same of an object of a kind. */
  static ofKind(path: string, value: unknown, apiVersions: readonly string[], kind: string, known: readonly string[]) {
    const object = ConfigurationObject.of(path, value, ['apiVersion', 'kind', ...known]);
    if (!apiVersions.includes(object.text('apiVersion') ?? '')) {
      throw object.error('apiVersion', `must be one of ${apiVersions.join(', ')}`);
    }
    if (object.text('kind') !== kind) throw object.error('kind', `must be ${kind}`);
    return object;
  }

  text(field: string): string | undefined {
    const value = this.fields.get(field) ?? undefined;
    if (value === undefined || typeof value === 'string') return value;
    throw this.error(field, 'must be a string');
  }

  /** 0 when the field is absent. */
  whole(field: string): number {
    const value = this.fields.get(field) ?? 0;
    if (Number.isSafeInteger(value)) return value as number;
    throw this.error(field, 'must be a whole number');
  }

  /** Undefined when the field is absent. */
  truth(field: string): boolean | undefined {
    const value = this.fields.get(field) ?? undefined;
    if (value === undefined || typeof value === 'boolean') return value;
    throw this.error(field, 'must be true or false');
  }

  /** Milliseconds of a text such as `1m30s`; 0 when the field is absent. */
  duration(field: string): number {
    const text = this.text(field) ?? '';
    if (text === '') return 0;
    try {
      return parseDuration(text);
    } catch (error) {
      throw this.error(field, (error as Error).message);
    }
  }

  texts(field: string): string[] {
    const list = this.list(field);
    if (list.every((item): item is string => typeof item === 'string')) return list;
    throw this.error(field, 'must be a list of strings');
  }

  /** Undefined when the field is absent. */
  object(field: string, known: readonly string[]): ConfigurationObject | undefined {
    const value = this.fields.get(field) ?? undefined;
    return value === undefined ? undefined : ConfigurationObject.of(`${this.path}.${field}`, value, known);
  }

  objects(field: string, known: readonly string[]): ConfigurationObject[] {
    return this.list(field).map((item, i) => ConfigurationObject.of(`${this.path}.${field}[${i}]`, item, known));
  }

  value(field: string): unknown {
    return this.fields.get(field) ?? undefined;
  }

  error(field: string, problem: string): ConfigurationError {
    return new ConfigurationError(`${this.path}.${field}: ${problem}`);
  }

  private list(field: string): unknown[] {
    const value = this.fields.get(field) ?? [];
    if (Array.isArray(value)) return value;
    throw this.error(field, 'must be a list');
  }
}
