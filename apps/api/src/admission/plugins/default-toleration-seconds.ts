import type { AdmissionPlugin, AdmissionRequest, AdmissionTarget } from '../admission-request.js';
import { targets } from '../rejection.js';

const SECONDS = 300;
const KEYS = ['node.kubernetes.io/not-ready', 'node.kubernetes.io/unreachable'];

interface Toleration {
  key?: string;
  effect?: string;
}

/** Pods stay five minutes on a node that has failed, unless they say otherwise. */
export class DefaultTolerationSeconds implements AdmissionPlugin {
  readonly name = 'DefaultTolerationSeconds';

  handles(target: AdmissionTarget): boolean {
    return targets(target, '', 'pods', ['CREATE', 'UPDATE']);
  }

  admit({ object }: AdmissionRequest): void {
    const spec = (object!['spec'] ??= {});
    const own: Toleration[] = spec.tolerations ?? [];
    const added = KEYS.filter(
      (key) => !own.some((item) => (!item.key || item.key === key) && (!item.effect || item.effect === 'NoExecute')),
    ).map((key) => ({ key, operator: 'Exists', effect: 'NoExecute', tolerationSeconds: SECONDS }));
    if (added.length > 0) spec.tolerations = [...own, ...added];
  }
}
