import type { Lister } from '../../storage/lister.js';
import type { AdmissionPlugin, AdmissionRequest, AdmissionTarget } from '../admission-request.js';

const LABELS = ['topology.kubernetes.io/zone', 'topology.kubernetes.io/region'];

/** A pod learns the zone and region of its node when it is bound; the binding carries the labels over. */
export class PodTopologyLabels implements AdmissionPlugin {
  readonly name = 'PodTopologyLabels';

  constructor(private readonly lister: Lister) {}

  handles({ operation, resource, subresource }: AdmissionTarget): boolean {
    if (operation !== 'CREATE' || resource.group !== '' || resource.resource !== 'pods') return false;
    return subresource === '' || subresource === 'binding';
  }

  admit({ object, subresource }: AdmissionRequest): void {
    const target = object!['target'];
    const binding = subresource === 'binding';
    const node = binding ? target?.kind === 'Node' && target.name : object!['spec']?.nodeName;
    if (!node) return;
    const labels = this.lister.get('nodes', '', node)?.metadata.labels;
    for (const label of LABELS) {
      const value = labels?.[label];
      if (value !== undefined) (object!.metadata.labels ??= {})[label] = value;
    }
  }
}
