import type { AdmissionPlugin, AdmissionRequest, AdmissionTarget } from '../admission-request.js';
import { isExtendedResource } from '../quota/quota-names.js';
import { targets } from '../rejection.js';

/** Nodes with devices are tainted with the device's name: pods that ask for the device tolerate that. */
export class ExtendedResourceToleration implements AdmissionPlugin {
  readonly name = 'ExtendedResourceToleration';

  handles(target: AdmissionTarget): boolean {
    return targets(target, '', 'pods', ['CREATE', 'UPDATE']);
  }

  admit(request: AdmissionRequest): void {
    const spec = request.object!['spec'];
    const names = [...(spec.containers ?? []), ...(spec.initContainers ?? [])]
      .flatMap(({ resources }: any) => Object.keys(resources?.requests ?? {}))
      .filter(isExtendedResource);
    for (const key of [...new Set(names)].sort()) {
      const tolerations: any[] = (spec.tolerations ??= []);
      const isThere = tolerations.some(
        (known) =>
          known.key === key &&
          known.operator === 'Exists' &&
          known.effect === 'NoSchedule' &&
          known.value === undefined,
      );
      if (!isThere) tolerations.push({ key, operator: 'Exists', effect: 'NoSchedule' });
    }
  }
}
