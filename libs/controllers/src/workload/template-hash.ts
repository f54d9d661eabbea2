import { safeEncode, semanticEqual } from '#apimachinery';
import type { PodTemplateSpec } from '#kinds';

export const POD_TEMPLATE_HASH = 'pod-template-hash';

/** JSON with sorted keys; null and absent are the same. */
export function canonicalJson(value: unknown): string {
  if (value === null || value === undefined) return 'null';
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`;
  if (typeof value !== 'object') return JSON.stringify(value);
  const fields = Object.keys(value)
    .filter((key) => (value as any)[key] !== undefined && (value as any)[key] !== null)
    .sort()
    .map((key) => `${JSON.stringify(key)}:${canonicalJson((value as any)[key])}`);
  return `{${fields.join(',')}}`;
}

/** FNV-1a, 32 bits, over the UTF-8 bytes. */
export function fnv32a(text: string): number {
  let hash = 0x811c9dc5;
  for (const byte of Buffer.from(text, 'utf8')) hash = Math.imul(hash ^ byte, 0x01000193);
  return hash >>> 0;
}

/** Names the ReplicaSet of a template. `collisionCount` gives another name after two templates had one hash. */
export function templateHash(template: PodTemplateSpec, collisionCount?: number): string {
  const suffix = collisionCount === undefined ? '' : `/${collisionCount}`;
  return safeEncode(String(fnv32a(canonicalJson(template) + suffix)));
}

/** Are two templates the same apart from the hash label that a ReplicaSet adds? */
export function equalIgnoringHash(a: PodTemplateSpec | undefined, b: PodTemplateSpec | undefined): boolean {
  return semanticEqual(withoutHash(a), withoutHash(b));
}

function withoutHash(template: PodTemplateSpec | undefined): unknown {
  const { [POD_TEMPLATE_HASH]: _hash, ...labels } = template?.metadata?.labels ?? {};
  return { ...template, metadata: { ...template?.metadata, labels } };
}
