import { canonicalQuantity, deepCopy, deepEqual, type KubeObject, ownValue, quote } from '#apimachinery';
import type { Lister } from '../../storage/lister.js';
import type { AdmissionPlugin, AdmissionRequest, AdmissionTarget } from '../admission-request.js';
import { rejection, targets } from '../rejection.js';

interface Toleration {
  key?: string;
  operator?: string;
  value?: string;
  effect?: string;
  tolerationSeconds?: number;
}

/** A pod takes over what its RuntimeClass says of overhead and of the nodes that have the runtime. */
export class RuntimeClass implements AdmissionPlugin {
  readonly name = 'RuntimeClass';

  constructor(private readonly lister: Lister) {}

  handles(target: AdmissionTarget): boolean {
    return targets(target, '', 'pods', ['CREATE']);
  }

  admit(request: AdmissionRequest): void {
    const spec = (request.object!['spec'] ??= {});
    const runtimeClass = this.classOf(request, spec);
    if (!runtimeClass) return;
    const fixed = runtimeClass['overhead']?.podFixed;
    if (runtimeClass['overhead']) {
      if (spec.overhead && Object.keys(spec.overhead).length > 0 && !sameQuantities(fixed, spec.overhead)) {
        throw mismatch(request);
      }
      if (fixed) spec.overhead = { ...fixed };
    }
    const scheduling = runtimeClass['scheduling'];
    if (!scheduling) return;
    if (scheduling.nodeSelector)
      spec.nodeSelector = mergeSelectors(request, spec.nodeSelector, scheduling.nodeSelector);
    const tolerations = mergeTolerations(spec.tolerations ?? [], deepCopy(scheduling.tolerations ?? []));
    if (tolerations.length > 0) spec.tolerations = tolerations;
  }

  validate(request: AdmissionRequest): void {
    const spec = request.object!['spec'] ?? {};
    const runtimeClass = this.classOf(request, spec);
    if (runtimeClass?.['overhead']) {
      if (!sameQuantities(runtimeClass['overhead'].podFixed, spec.overhead)) throw mismatch(request);
    } else if (spec.overhead) {
      const why = 'pod rejected: Pod Overhead set without corresponding RuntimeClass defined Overhead';
      throw rejection(request, why);
    }
  }

  private classOf(request: AdmissionRequest, spec: Record<string, any>): KubeObject | undefined {
    const name = spec['runtimeClassName'];
    if (name == null) return undefined;
    const found = this.lister.get('node.k8s.io/runtimeclasses', '', name);
    if (!found) throw rejection(request, `pod rejected: RuntimeClass ${quote(name)} not found`);
    return found;
  }
}

function mismatch(request: AdmissionRequest) {
  return rejection(request, "pod rejected: Pod's Overhead doesn't match RuntimeClass's defined Overhead");
}

function sameQuantities(a: Record<string, string> = {}, b: Record<string, string> = {}): boolean {
  const names = Object.keys(a);
  if (names.length !== Object.keys(b).length) return false;
  return names.every(
    (name) =>
      ownValue(b, name) !== undefined &&
      canonicalQuantity(ownValue(a, name)!) === canonicalQuantity(ownValue(b, name)!),
  );
}

function mergeSelectors(
  request: AdmissionRequest,
  own: Record<string, string> | undefined,
  added: Record<string, string>,
): Record<string, string> {
  for (const [key, value] of Object.entries(added)) {
    if (ownValue(own, key) === undefined || ownValue(own, key) === value) continue;
    throw rejection(
      request,
      `conflict: runtimeClass.scheduling.nodeSelector[${key}] = ${value}; pod.spec.nodeSelector[${key}] = ${ownValue(own, key)}`,
    );
  }
  return { ...own, ...added };
}

/** Both lists, without tolerations that another one includes. */
export function mergeTolerations(first: readonly Toleration[], second: readonly Toleration[]): Toleration[] {
  const all = [...first, ...second];
  const merged: Toleration[] = [];
  for (const [i, toleration] of all.entries()) {
    if (merged.some((other) => includesToleration(other, toleration))) continue;
    const later = all.slice(i + 1);
    if (later.some((other) => !deepEqual(other, toleration) && includesToleration(other, toleration))) continue;
    merged.push(toleration);
  }
  return merged;
}

function includesToleration(wide: Toleration, narrow: Toleration): boolean {
  if (deepEqual(wide, narrow)) return true;
  if ((narrow.key ?? '') !== (wide.key ?? '') && (wide.key || wide.operator !== 'Exists')) return false;
  if ((narrow.effect ?? '') !== (wide.effect ?? '') && wide.effect) return false;
  if (wide.effect === 'NoExecute' && wide.tolerationSeconds !== undefined) {
    if (narrow.tolerationSeconds === undefined || narrow.tolerationSeconds > wide.tolerationSeconds) return false;
  }
  if (wide.operator === 'Exists') return true;
  if (wide.operator && wide.operator !== 'Equal') return false;
  return narrow.operator === 'Equal' && (narrow.value ?? '') === (wide.value ?? '');
}
