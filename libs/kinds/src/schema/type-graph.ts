import { bare, ownValue } from '#apimachinery';
import { apiFacts, defaultsFacts, type FieldFacts, gateFacts, type TypeFacts, wireFacts } from '../facts/facts.js';

/** The types of the API as a graph, built from the facts type by type on first use. */

export type Scalar =
  | 'string'
  | 'boolean'
  | 'int32'
  | 'int64'
  | 'double'
  | 'byte'
  | 'quantity'
  | 'int-or-string'
  | 'time'
  | 'micro-time';

export type TypeRef =
  | { kind: 'scalar'; scalar: Scalar; goType: string }
  | { kind: 'struct'; type: StructType; goType: string }
  | { kind: 'list'; item: TypeRef; goType: string }
  | { kind: 'map'; value: TypeRef; goType: string }
  /** Unknown content is kept: raw extensions, JSON, FieldsV1. */
  | { kind: 'opaque'; goType: string };

/** What is emitted for a field that is unset or zero; see WireFacts. */
export type Presence = 'optional' | 'omit-empty' | 'always' | 'null';

export interface Field {
  readonly name: string;
  readonly facts: FieldFacts;
  readonly presence: Presence;
  /** A feature gate that is off in this release hides the field: it is known, and dropped. */
  readonly gatedOff: boolean;
  /** Resolved on first use: types refer to each other, some to themselves. */
  readonly ref: TypeRef;
}

const metaPrefix = 'io.k8s.apimachinery.pkg.apis.meta.v1.';
const specialTypes = bare<{ scalar?: Scalar; goType: string }>({
  'io.k8s.apimachinery.pkg.api.resource.Quantity': { scalar: 'quantity', goType: 'resource.Quantity' },
  'io.k8s.apimachinery.pkg.util.intstr.IntOrString': { scalar: 'int-or-string', goType: 'intstr.IntOrString' },
  [`${metaPrefix}Time`]: { scalar: 'time', goType: 'v1.Time' },
  [`${metaPrefix}MicroTime`]: { scalar: 'micro-time', goType: 'v1.MicroTime' },
  [`${metaPrefix}FieldsV1`]: { goType: 'v1.FieldsV1' },
  'io.k8s.apimachinery.pkg.runtime.RawExtension': { goType: 'runtime.RawExtension' },
});

/** A JSON object with known fields. */
export interface StructType {
  /** Its OpenAPI name. */
  readonly name: string;
  /** What decode errors call it. */
  readonly goName: string;
  readonly fields: ReadonlyMap<string, Field>;
  /** Fields that have to be set. */
  readonly required: ReadonlySet<string>;
  /** Values of unset fields, by name; a text that begins with `=` is a rule in words. */
  readonly defaults: Readonly<Record<string, unknown>>;
  readonly mapType: 'atomic' | 'granular' | undefined;
  /** It is a struct of Go: an empty text, and the zero of a field that is always written, are as good as unset. */
  readonly hasZeroValues: boolean;
}

const NO_DEFAULTS = {};

/** A type of the release. */
class FactsType implements StructType {
  readonly name: string;
  readonly goName: string;
  readonly hasZeroValues = true;
  private readonly facts: TypeFacts;
  private fieldMap: Map<string, Field> | undefined;

  constructor(name: string, facts: TypeFacts) {
    this.name = name;
    this.facts = facts;
    this.goName = name.slice(name.lastIndexOf('.') + 1);
  }

  get mapType(): StructType['mapType'] {
    return this.facts.mapType;
  }

  get defaults(): Readonly<Record<string, unknown>> {
    return ownValue(defaultsFacts().types, this.name) ?? NO_DEFAULTS;
  }

  /** Texts alone: what else is required has a zero value once it is decoded. */
  get required(): ReadonlySet<string> {
    const texts = (this.facts.required ?? []).filter((name) => {
      const ref = this.fields.get(name)?.ref;
      return ref?.kind === 'scalar' && ref.scalar === 'string';
    });
    return new Set(texts);
  }

  get fields(): ReadonlyMap<string, Field> {
    return (this.fieldMap ??= this.buildFields());
  }

  private buildFields(): Map<string, Field> {
    const wire = ownValue(wireFacts().types, this.name) ?? {};
    const omit = new Set(wire.omit);
    const always = new Set(wire.always);
    const nulls = new Set(wire.nulls);
    const gates = gateFacts().fields;
    const fields = new Map<string, Field>();
    for (const [name, record] of Object.entries(this.facts.fields ?? {})) {
      const facts = typeof record === 'string' ? { t: record } : record;
      const presence: Presence = omit.has(name)
        ? 'omit-empty'
        : always.has(name)
          ? 'always'
          : nulls.has(name)
            ? 'null'
            : 'optional';
      const gate = ownValue(gates, `${this.name}.${name}`);
      fields.set(name, new LazyField(name, facts, presence, gate?.on === false, ownValue(wire.go, name)));
    }
    return fields;
  }
}

class LazyField implements Field {
  private resolved: TypeRef | undefined;

  constructor(
    readonly name: string,
    readonly facts: FieldFacts,
    readonly presence: Presence,
    readonly gatedOff: boolean,
    private readonly goType: string | undefined,
  ) {}

  get ref(): TypeRef {
    if (this.resolved === undefined) {
      const ref = resolve(this.facts.t);
      this.resolved = this.goType === undefined ? ref : { ...ref, goType: this.goType };
    }
    return this.resolved;
  }
}

const structs = new Map<string, StructType>();

/** The named type. Throws for a name that the facts do not have: a bug, not a user's error. */
export function structType(name: string): StructType {
  let type = structs.get(name);
  if (type === undefined) {
    const facts = ownValue(apiFacts().types, name);
    if (facts === undefined) throw new Error(`no such API type: ${name}`);
    type = new FactsType(name, facts);
    structs.set(name, type);
  }
  return type;
}

function scalar(kind: Scalar, goType: string): TypeRef {
  return { kind: 'scalar', scalar: kind, goType };
}

function resolve(expression: string): TypeRef {
  if (expression.endsWith('=')) return resolve(expression.slice(0, -1));
  if (expression.startsWith('[]')) {
    const item = resolve(expression.slice(2));
    return { kind: 'list', item, goType: `[]${item.goType}` };
  }
  if (expression.startsWith('map[]')) {
    const value = resolve(expression.slice(5));
    return { kind: 'map', value, goType: `map[string]${value.goType}` };
  }
  if (expression.startsWith('#')) return resolveNamed(expression.slice(1));
  switch (expression) {
    case 'string':
      return scalar('string', 'string');
    case 'boolean':
      return scalar('boolean', 'bool');
    case 'int32':
      return scalar('int32', 'int32');
    case 'int64':
    case 'integer':
      return scalar('int64', 'int64');
    case 'double':
    case 'number':
      return scalar('double', 'float64');
    case 'byte':
      return scalar('byte', '[]uint8');
    case 'date-time':
      return scalar('time', 'v1.Time');
    default:
      return { kind: 'opaque', goType: 'interface {}' };
  }
}

function resolveNamed(name: string): TypeRef {
  const special = specialTypes[name];
  if (special !== undefined) {
    return special.scalar === undefined
      ? { kind: 'opaque', goType: special.goType }
      : scalar(special.scalar, special.goType);
  }
  const facts = ownValue(apiFacts().types, name);
  const parts = name.split('.');
  const goType = `${parts.at(-2)}.${parts.at(-1)}`;
  if (facts?.fields === undefined) {
    // Types without fields: empty structs ({} and nothing else) are told from free-form content by their JSON type.
    return { kind: 'opaque', goType };
  }
  return { kind: 'struct', type: structType(name), goType };
}
