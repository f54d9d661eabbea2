import type { AdmissionPlugin, AdmissionRequest, AdmissionTarget } from '../admission-request.js';
import { targets } from '../rejection.js';

const NOT_READY = 'node.kubernetes.io/not-ready';

/** A node starts with the not-ready taint, so that nothing is scheduled there before its first report. */
export class TaintNodesByCondition implements AdmissionPlugin {
  readonly name = 'TaintNodesByCondition';

  handles(target: AdmissionTarget): boolean {
    return targets(target, '', 'nodes', ['CREATE']);
  }

  admit({ object }: AdmissionRequest): void {
    const spec = (object!['spec'] ??= {});
    const taints: { key: string; effect: string }[] = spec.taints ?? [];
    if (taints.some((taint) => taint.key === NOT_READY && taint.effect === 'NoSchedule')) return;
    spec.taints = [...taints, { key: NOT_READY, effect: 'NoSchedule' }];
  }
}
