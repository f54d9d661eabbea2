import { type KubeObject, quote, semanticEqual } from '#apimachinery';
import type { Container, PodSpec } from '#kinds';
import type { Lister } from '../../storage/lister.js';
import type { AdmissionPlugin, AdmissionRequest, AdmissionTarget } from '../admission-request.js';
import { rejection } from '../rejection.js';

/**
 * Features that an update of a running pod may need, in the order of their names: what nodes without them would not do. Of
 * upstream's list, those that updates can ask for.
 */
const FEATURES: readonly { name: string; isNeeded(spec: PodSpec, old: PodSpec): boolean }[] = [
  {
    name: 'InPlacePodLevelResourcesVerticalScaling',
    isNeeded: (spec, old) => !semanticEqual(spec.resources, old.resources),
  },
  {
    name: 'InPlacePodVerticalScalingInitContainers',
    isNeeded: (spec, old) =>
      (old.initContainers ?? []).some(
        (container, i) =>
          !isSidecar(container) && !semanticEqual(container.resources, spec.initContainers?.[i]?.resources),
      ),
  },
  {
    name: 'InPlacePodVerticalScalingMemoryBackedVolumes',
    isNeeded: (spec, old) => {
      const [volumes = [], before = []] = [spec.volumes, old.volumes];
      return (
        volumes.length === before.length &&
        volumes.some(({ name, emptyDir }, i) => {
          const [limit, was] = [emptyDir?.sizeLimit, before[i]!.emptyDir?.sizeLimit];
          if (name !== before[i]!.name || emptyDir?.medium !== 'Memory') return false;
          return limit !== undefined && was !== undefined && !semanticEqual(limit, was);
        })
      );
    },
  },
];

/** A pod that runs is updated only to what its node says that it can do. */
export class NodeDeclaredFeatureValidator implements AdmissionPlugin {
  readonly name = 'NodeDeclaredFeatureValidator';

  constructor(private readonly lister: Lister) {}

  handles({ operation, resource, subresource }: AdmissionTarget): boolean {
    const isPods = resource.group === '' && resource.resource === 'pods';
    return isPods && operation === 'UPDATE' && (subresource === '' || subresource === 'resize');
  }

  validate(request: AdmissionRequest): void {
    const { object, oldObject } = request as { object: KubeObject; oldObject: KubeObject };
    const { nodeName = '' } = object['spec'];
    if (nodeName === '' || object.metadata.generation === oldObject.metadata.generation) return;
    const needed = FEATURES.filter(({ isNeeded }) => isNeeded(object['spec'], oldObject['spec']));
    if (needed.length === 0) return;
    const node = this.lister.get('nodes', '', nodeName);
    if (!node) throw rejection(request, `node ${quote(nodeName)} not found`);
    const declared: readonly string[] = node['status']?.declaredFeatures ?? [];
    const missing = needed.map(({ name }) => name).filter((name) => !declared.includes(name));
    if (missing.length === 0) return;
    const why = `pod update requires features ${missing.join(', ')} which are not available on node ${quote(nodeName)}`;
    throw rejection(request, why);
  }
}

function isSidecar({ restartPolicy }: Container): boolean {
  return restartPolicy === 'Always';
}
