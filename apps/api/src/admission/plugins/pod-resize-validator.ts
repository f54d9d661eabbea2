import { type KubeObject, ownValue, Quantity, quote } from '#apimachinery';
import type { Lister } from '../../storage/lister.js';
import type { AdmissionPlugin, AdmissionRequest, AdmissionTarget } from '../admission-request.js';
import { podResourcesWanted } from '../pod-resources-in-use.js';
import { rejection } from '../rejection.js';

/** A pod that runs is resized only within what its node has at all, and only on Linux. */
export class PodResizeValidator implements AdmissionPlugin {
  readonly name = 'PodResizeValidator';

  constructor(private readonly lister: Lister) {}

  handles({ operation, resource, subresource }: AdmissionTarget): boolean {
    const isPods = resource.group === '' && resource.resource === 'pods';
    return isPods && subresource === 'resize' && operation === 'UPDATE';
  }

  validate(request: AdmissionRequest): void {
    const pod = request.object!;
    const { nodeName = '' } = pod['spec'];
    if (nodeName === '' || pod.metadata.generation === request.oldObject!.metadata.generation) return;
    const node = this.lister.get('nodes', '', nodeName);
    if (node === undefined) throw rejection(request, `node ${quote(nodeName)} not found`);
    const system = ownValue(node.metadata.labels, 'kubernetes.io/os') ?? 'linux';
    if (system !== 'linux') {
      const why = `pod resize is only supported on linux nodes, node ${quote(nodeName)} is ${quote(system)}`;
      throw refusal(request, why, 'UnsupportedPlatform');
    }
    const problems = shortages(pod, node);
    if (problems.length === 0) return;
    throw refusal(request, `node didn't have enough allocatable resources: ${problems.join('; ')}`, 'NodeCapacity');
  }
}

function shortages(pod: KubeObject, node: KubeObject): string[] {
  const { requests } = podResourcesWanted(pod);
  const units = { cpu: 'milliValue', memory: 'value' } as const;
  return (['cpu', 'memory'] as const).flatMap((name) => {
    const requested = requests.get(name) ?? Quantity.zero;
    const allocatable = Quantity.parse(node['status']?.allocatable?.[name] ?? '0');
    if (requested.compare(allocatable) <= 0) return [];
    const unit = units[name];
    return [`${name}, requested: ${requested[unit]()}, allocatable: ${allocatable[unit]()}`];
  });
}

function refusal(request: AdmissionRequest, why: string, reason: string) {
  const error = rejection(request, why);
  const details = (error.status.details ??= {});
  details.causes = [...(details.causes ?? []), { reason }];
  return error;
}
