import type { Dice } from './dice.js';
import { hostileNumber, hostileText, hostileValue } from './hostile.js';

/** A type as the server's OpenAPI document (version 2) gives it. */
export interface TypeSchema {
  $ref?: string;
  type?: string;
  format?: string;
  enum?: readonly unknown[];
  properties?: Record<string, TypeSchema>;
  items?: TypeSchema;
  additionalProperties?: TypeSchema | boolean;
  allOf?: readonly TypeSchema[];
}

/** Makes values of the types that a server declares. */
export class Types {
  private readonly definitions: ReadonlyMap<string, TypeSchema>;
  private readonly byKind = new Map<string, TypeSchema>();

  constructor(document: { definitions: Record<string, TypeSchema> }) {
    this.definitions = new Map(Object.entries(document.definitions));
    for (const schema of this.definitions.values()) {
      const kinds = (schema as Record<string, any>)['x-kubernetes-group-version-kind'] ?? [];
      for (const { group, version, kind } of kinds) this.byKind.set(`${group}/${version}/${kind}`, schema);
    }
  }

  ofKind(group: string, version: string, kind: string): TypeSchema {
    return this.byKind.get(`${group}/${version}/${kind}`) ?? {};
  }

  resolved(schema: TypeSchema | undefined): TypeSchema {
    const reference = schema?.$ref ?? schema?.allOf?.[0]?.$ref;
    if (reference === undefined) return schema ?? {};
    return this.definitions.get(reference.slice(reference.lastIndexOf('/') + 1)) ?? {};
  }

  /** Type of a member or an element of a value of type `schema`. */
  member(schema: TypeSchema, key: string | number): TypeSchema {
    const { properties, items, additionalProperties } = this.resolved(schema);
    if (typeof key === 'number') return items ?? {};
    if (properties && Object.hasOwn(properties, key)) return properties[key as keyof typeof properties]!;
    return typeof additionalProperties === 'object' ? additionalProperties : {};
  }

  /** Mostly a value of the type, sometimes one that is odd in one place. */
  value(dice: Dice, given: TypeSchema, depth = 3): unknown {
    if (dice.chance(0.04)) return hostileValue(dice);
    const schema = this.resolved(given);
    if (schema.enum && dice.chance(0.8)) return dice.pick(schema.enum);
    switch (schema.type) {
      case 'object':
        return this.object(dice, schema, depth);
      case 'array':
        return depth <= 0 ? [] : dice.times(3, () => this.value(dice, schema.items ?? {}, depth - 1));
      case 'boolean':
        return dice.chance(0.5);
      case 'integer':
      case 'number':
        return dice.chance(0.7) ? dice.pick([0, 1, 2, 80, 3600, 30_000]) : hostileNumber(dice);
      case 'string':
        return text(dice, schema.format);
      default:
        return dice.chance(0.5) ? { a: 1 } : hostileValue(dice);
    }
  }

  private object(dice: Dice, { properties, additionalProperties }: TypeSchema, depth: number): unknown {
    if (properties === undefined) {
      const type = typeof additionalProperties === 'object' ? additionalProperties : {};
      if (depth <= 0) return {};
      return Object.fromEntries(dice.times(3, () => [plainText(dice), this.value(dice, type, depth - 1)]));
    }
    const names = Object.keys(properties).filter((name) => !['apiVersion', 'kind', 'metadata'].includes(name));
    // Large types: not more than a handful of members, so that some of the objects are good ones.
    const share = Math.min(0.5, 4 / Math.max(1, names.length));
    const chosen = names.filter(() => dice.chance(depth <= 0 ? share / 4 : share));
    return Object.fromEntries(
      chosen.map((name) => [name, this.value(dice, this.member({ properties }, name), depth - 1)]),
    );
  }
}

const PLAIN = [
  'a',
  'b',
  'web',
  'default',
  'example.com',
  'example.com/a',
  'app',
  'x-1',
  'cpu',
  'memory',
  'tcp',
  'TCP',
  'Exists',
  'In',
];

function plainText(dice: Dice): string {
  return dice.chance(0.85) ? dice.pick(PLAIN) : hostileText(dice);
}

function text(dice: Dice, format: string | undefined): unknown {
  if (dice.chance(0.15)) return hostileText(dice);
  switch (format) {
    case 'date-time':
      return dice.pick(['2026-01-01T00:00:00Z', '2026-01-01T00:00:00.5+01:00', '1970-01-01T00:00:00Z']);
    case 'byte':
      return dice.bytes(dice.below(9)).toString('base64');
    case 'int-or-string':
      return dice.pick<unknown>([0, 1, 80, '50%', 'http', -1]);
    default:
      return dice.chance(0.3)
        ? dice.pick(['1', '100m', '1Gi', '0', '10.1.2.3', '10.1.0.0/16', 'Always'])
        : plainText(dice);
  }
}
