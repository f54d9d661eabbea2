import type { AdmissionPlugin, AdmissionRequest, AdmissionTarget } from '../admission-request.js';
import { rejection, targets } from '../rejection.js';

const HOSTNAME = 'kubernetes.io/hostname';

/** Pods may keep others from a node, and not from a whole zone. */
export class LimitPodHardAntiAffinityTopology implements AdmissionPlugin {
  readonly name = 'LimitPodHardAntiAffinityTopology';

  handles(target: AdmissionTarget): boolean {
    return targets(target, '', 'pods', ['CREATE', 'UPDATE']);
  }

  validate(request: AdmissionRequest): void {
    const required = request.object!['spec'].affinity?.podAntiAffinity?.requiredDuringSchedulingIgnoredDuringExecution;
    for (const { topologyKey = '' } of required ?? []) {
      if (topologyKey === HOSTNAME) continue;
      const what = 'affinity.PodAntiAffinity.RequiredDuringScheduling';
      throw rejection(request, `${what} has TopologyKey ${topologyKey} but only key ${HOSTNAME} is allowed`);
    }
  }
}
