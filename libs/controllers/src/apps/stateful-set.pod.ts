import type { ControllerRevision, Pod, PodTemplateSpec, StatefulSet } from '#kinds';
import { CONTROLLER_REVISION_HASH } from '../workload/controller-revisions.js';
import { podFromTemplate } from '../workload/pod-control.js';
import { identityLabels, ordinalOf, volumesFor } from './stateful-set.identity.js';

/** What a revision holds of the set. */
export function revisionData(set: StatefulSet): object {
  return { spec: { template: { ...set.spec.template, $patch: 'replace' } } };
}

export function templateOf(revision: ControllerRevision): PodTemplateSpec {
  const { $patch: _directive, ...template } = (revision.data as any).spec.template;
  return template;
}

/** The pod of an ordinal: its name, its place in the Service's zone and its volumes stay when it is replaced. */
export function buildStatefulPod(set: StatefulSet, ordinal: number, template: PodTemplateSpec, revision: string): Pod {
  const pod = podFromTemplate(template, set);
  const name = `${set.metadata.name}-${ordinal}`;
  delete pod.metadata.generateName;
  pod.metadata.name = name;
  pod.metadata.labels = {
    ...pod.metadata.labels,
    ...identityLabels(set, ordinal),
    [CONTROLLER_REVISION_HASH]: revision,
  };
  const volumes = volumesFor(set, ordinal, pod.spec.volumes);
  pod.spec = { ...pod.spec, hostname: name, subdomain: set.spec.serviceName };
  if (volumes.length > 0) pod.spec.volumes = volumes;
  return pod;
}

/** The pod with the labels and the volumes of its ordinal. */
export function repairedPod(set: StatefulSet, pod: Pod): Pod {
  const ordinal = ordinalOf(set, pod)!;
  const volumes = volumesFor(set, ordinal, pod.spec.volumes);
  return {
    ...pod,
    metadata: { ...pod.metadata, labels: { ...pod.metadata.labels, ...identityLabels(set, ordinal) } },
    spec: { ...pod.spec, ...(volumes.length > 0 ? { volumes } : {}) },
  };
}
