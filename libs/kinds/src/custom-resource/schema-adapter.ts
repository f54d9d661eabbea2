import type { JSONSchemaProps } from '../generated/types.js';
import type { StructuralSchema } from '../schema/structural-type.js';

/** Brings a definition's schema into the part that `defineFromSchema` understands: keywords beyond it go. */

const kept = new Set([
  'type',
  'format',
  'description',
  'required',
  'default',
  'x-kubernetes-int-or-string',
  'x-kubernetes-preserve-unknown-fields',
  'x-kubernetes-list-type',
  'x-kubernetes-list-map-keys',
  'x-kubernetes-map-type',
]);

const inherited = new Set(Object.getOwnPropertyNames(Object.prototype));

export function understoodSchema(schema: JSONSchemaProps | undefined): StructuralSchema {
  const root = adapted(schema ?? {}) as Record<string, unknown>;
  const { additionalProperties: _, ...rest } = root;
  return { ...rest, type: 'object', properties: root.properties ?? {} } as StructuralSchema;
}

function adapted(schema: JSONSchemaProps): StructuralSchema {
  const out: Record<string, unknown> = {};
  for (const [keyword, value] of Object.entries(schema)) if (kept.has(keyword)) out[keyword] = value;
  if (schema.enum?.every((value) => typeof value === 'string')) out.enum = schema.enum;
  const keepsAll = schema['x-kubernetes-preserve-unknown-fields'] === true;
  if (keepsAll || schema['x-kubernetes-embedded-resource']) {
    out['x-kubernetes-preserve-unknown-fields'] = true;
    return out;
  }
  if (schema.properties !== undefined) {
    const named = Object.entries(schema.properties).filter(([name]) => !inherited.has(name));
    out.properties = Object.fromEntries(named.map(([name, below]) => [name, adapted(below)]));
  } else if (typeof schema.additionalProperties === 'object') {
    out.additionalProperties = adapted(schema.additionalProperties);
  } else if (schema.additionalProperties === true) {
    out['x-kubernetes-preserve-unknown-fields'] = true;
  }
  if (schema.type === 'array') out.items = adapted(schema.items ?? {});
  if (schema.type === undefined && !schema['x-kubernetes-int-or-string']) {
    out['x-kubernetes-preserve-unknown-fields'] = true;
  }
  return out;
}
