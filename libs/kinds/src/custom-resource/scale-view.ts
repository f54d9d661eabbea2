import {
  badRequest,
  type FieldError,
  field,
  goTypeName,
  internalError,
  isJsonObject,
  type KubeObject,
  ownValue,
  quote,
  setOwn,
} from '#apimachinery';
import type { ScaleView } from '../contract/definition.js';
import type { CustomResourceSubresourceScale } from '../generated/types.js';

/** The scale subresource of a custom resource, whose definition says where its numbers are. */

const MAX_REPLICAS = 2 ** 31 - 1;

/** Throws StatusError as the reference does: 500 for numbers that are none, 400 for a wish without a number. */
export function scaleView(scale: CustomResourceSubresourceScale): ScaleView {
  const { specReplicasPath, statusReplicasPath, labelSelectorPath } = scale;
  const wanted = stepsOf(specReplicasPath);
  const shown = (object: KubeObject): KubeObject => {
    const { name, namespace, uid, resourceVersion, creationTimestamp } = object.metadata;
    const replicas = wholeNumberAt(object, specReplicasPath);
    const selector = labelSelectorPath ? textAt(object, labelSelectorPath) : undefined;
    return {
      kind: 'Scale',
      apiVersion: 'autoscaling/v1',
      metadata: { name, namespace, uid, resourceVersion, creationTimestamp },
      spec: replicas ? { replicas } : {},
      status: { replicas: wholeNumberAt(object, statusReplicasPath) ?? 0, ...(selector ? { selector } : undefined) },
    };
  };
  return {
    replicasPath: wanted,
    of: (object) => refusing(() => shown(object)),
    check(object) {
      const replicas = refusing(() => wholeNumberAt(object, specReplicasPath));
      if (replicas === undefined) {
        throw internalError(new Error(`the spec replicas field ${quote(specReplicasPath)} does not exist`));
      }
    },
    apply(object, { spec }) {
      const replicas = spec?.replicas;
      if (replicas === undefined && refusing(() => wholeNumberAt(object, specReplicasPath)) === undefined) {
        throw badRequest(`the spec replicas field ${quote(specReplicasPath)} cannot be empty`);
      }
      put(object, wanted, replicas ?? 0);
    },
  };
}

/** What a write of the object may not leave where the scale subresource reads. `status`: the status endpoint writes nothing else. */
export function scaleErrors(
  scale: CustomResourceSubresourceScale,
  object: KubeObject,
  part: 'all' | 'status',
): FieldError[] {
  const errors: FieldError[] = [];
  if (part === 'all') checkNumber(object, scale.specReplicasPath, errors);
  checkNumber(object, scale.statusReplicasPath, errors);
  const { labelSelectorPath } = scale;
  if (labelSelectorPath) {
    try {
      textAt(object, labelSelectorPath);
    } catch (error) {
      errors.push(field.invalid(labelSelectorPath, '', (error as Error).message));
    }
  }
  return errors;
}

function checkNumber(object: KubeObject, path: string, errors: FieldError[]): void {
  try {
    const replicas = wholeNumberAt(object, path) ?? 0;
    if (replicas < 0) errors.push(field.invalid(path, replicas, 'should be a non-negative integer'));
    else if (replicas > MAX_REPLICAS) {
      errors.push(field.invalid(path, replicas, `should be less than or equal to ${MAX_REPLICAS}`));
    }
  } catch (error) {
    errors.push(field.invalid(path, 0, (error as Error).message));
  }
}

function refusing<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw internalError(error);
  }
}

function stepsOf(path: string): string[] {
  return path.replace(/^\./, '').split('.');
}

function wholeNumberAt(object: KubeObject, path: string): number | undefined {
  const value = valueAt(object, path);
  if (value === undefined || Number.isInteger(value)) return value as number | undefined;
  throw wrongType(path, value, 'int64');
}

function textAt(object: KubeObject, path: string): string | undefined {
  const value = valueAt(object, path);
  if (value === undefined || typeof value === 'string') return value;
  throw wrongType(path, value, 'string');
}

function valueAt(object: KubeObject, path: string): unknown {
  const steps = stepsOf(path);
  let value: unknown = object;
  for (let at = 0; at < steps.length; at++) {
    if (value === null || value === undefined) return undefined;
    if (!isJsonObject(value)) throw wrongType(`.${steps.slice(0, at).join('.')}`, value, 'map[string]interface{}');
    value = ownValue(value, steps[at]!);
  }
  return value;
}

function wrongType(path: string, value: unknown, expected: string): Error {
  const shown = value === null ? '<nil>' : typeof value === 'object' ? JSON.stringify(value) : String(value);
  return new Error(`${path} accessor error: ${shown} is of the type ${goTypeName(value)}, expected ${expected}`);
}

function put(object: KubeObject, steps: readonly string[], value: number): void {
  let parent: Record<string, unknown> = object;
  for (const step of steps.slice(0, -1)) {
    let below = ownValue(parent, step);
    if (!isJsonObject(below)) setOwn(parent, step, (below = {}));
    parent = below as Record<string, unknown>;
  }
  setOwn(parent, steps.at(-1)!, value);
}
