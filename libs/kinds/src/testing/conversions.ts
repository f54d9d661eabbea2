import type { KubeObject } from '#apimachinery';
import type { Conversion } from '../contract/conversion.js';

interface Converted {
  readonly kind: string;
  readonly conversion: Conversion | undefined;
}

/** The form in which an object is stored; the same object where the served version is the stored one. Throws for a conversion that takes time. */
export function toStorage({ kind, conversion }: Converted, object: KubeObject): KubeObject {
  if (conversion === undefined) return object;
  if (!conversion.sync) throw new Error(`${kind} cannot be converted at once`);
  return conversion.toStorage([object])[0]!;
}

/** The form in which a stored object is served; otherwise as toStorage. */
export function fromStorage({ kind, conversion }: Converted, object: KubeObject): KubeObject {
  if (conversion === undefined) return object;
  if (!conversion.sync) throw new Error(`${kind} cannot be converted at once`);
  return conversion.fromStorage([object])[0]!;
}
