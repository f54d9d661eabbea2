import { bare, type KubeObject, ownValue } from '#apimachinery';
import { validationFacts } from '../facts/facts.js';

/** Field labels that field selectors of a kind may use, beyond metadata.name and metadata.namespace. */
export interface FieldLabels {
  names: readonly string[];
  value(object: KubeObject, label: string): string;
}

type Reader = (object: any) => unknown;

/** Labels that are not simply the field of that path. */
const readers = bare<Record<string, Reader>>({
  'v1/Pod': {
    'spec.hostNetwork': (pod) => pod.spec?.hostNetwork ?? false,
    'spec.host': (pod) => pod.spec?.nodeName,
    'status.podIP': (pod) => pod.status?.podIPs?.[0]?.ip ?? pod.status?.podIP,
    'status.podIPs': (pod) => pod.status?.podIPs?.[0]?.ip ?? pod.status?.podIP,
  },
  'v1/Node': { 'spec.unschedulable': (node) => node.spec?.unschedulable ?? false },
  'v1/ReplicationController': { 'status.replicas': (object) => object.status?.replicas ?? 0 },
  'apps/v1/ReplicaSet': { 'status.replicas': (object) => object.status?.replicas ?? 0 },
  'batch/v1/Job': { 'status.successful': (job) => job.status?.succeeded ?? 0 },
  'v1/Event': {
    source: (event) => event.source?.component || event.reportingComponent,
    reportingComponent: (event) => event.reportingComponent,
  },
});

export function fieldLabelsOf(kind: string): FieldLabels {
  const names = ((ownValue(validationFacts().fieldSelectors, kind) as string[] | undefined) ?? []).map(
    (entry) => entry.split(' ')[0]!,
  );
  const special = readers[kind];
  const paths = new Map(names.map((name) => [name, name.split('.')]));
  return {
    names,
    value(object, label) {
      if (label === 'metadata.name') return object.metadata.name ?? '';
      if (label === 'metadata.namespace') return object.metadata.namespace ?? '';
      const read = ownValue(special, label);
      let value: any;
      if (read !== undefined) {
        value = read(object);
      } else {
        value = object;
        for (const step of paths.get(label) ?? label.split('.')) value = ownValue(value, step);
      }
      return value === undefined || value === null ? '' : String(value);
    },
  };
}
