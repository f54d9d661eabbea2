import { ownValue } from '#apimachinery';
import {
  age,
  type Cells,
  containerCells,
  labelList,
  nameAndAge,
  nameOf,
  none,
  unset,
  withMore,
} from '../../columns/cells.js';
import { eventCells } from './event/event.columns.js';
import { nodeCells } from './node/node.columns.js';
import { podCells } from './pod/pod.columns.js';
import { serviceCells } from './service/service.columns.js';

const modeNames: readonly [mode: string, short: string][] = [
  ['ReadWriteOnce', 'RWO'],
  ['ReadOnlyMany', 'ROX'],
  ['ReadWriteMany', 'RWX'],
  ['ReadWriteOncePod', 'RWOP'],
];

function accessModes(modes: string[] | undefined): string {
  const given = new Set(modes);
  return modeNames
    .filter(([mode]) => given.has(mode))
    .map(([, short]) => short)
    .join(',');
}

function storageClass(object: any): string {
  return object.metadata.annotations?.['volume.beta.kubernetes.io/storage-class'] ?? object.spec.storageClassName ?? '';
}

function phase(object: any): string {
  return object.metadata.deletionTimestamp === undefined ? (object.status?.phase ?? '') : 'Terminating';
}

const componentStatus: Cells = (object) => {
  const condition = (object.conditions ?? []).find(({ type }: { type: string }) => type === 'Healthy');
  const word = condition?.status === 'True' ? 'Healthy' : condition?.status === 'False' ? 'Unhealthy' : 'Unknown';
  return [nameOf(object), word, condition?.message ?? '', condition?.error ?? ''];
};

const configMap: Cells = (map, now) => [
  nameOf(map),
  Object.keys(map.data ?? {}).length + Object.keys(map.binaryData ?? {}).length,
  age(map, now),
];

const endpoints: Cells = (object, now) => {
  const list = (object.subsets ?? []).flatMap((subset: any) => {
    const ips: string[] = (subset.addresses ?? []).map(({ ip }: { ip: string }) => ip);
    const ports: { port: number }[] = subset.ports ?? [];
    if (ports.length === 0) return ips;
    return ports.flatMap(({ port }) => ips.map((ip) => `${ip.includes(':') ? `[${ip}]` : ip}:${port}`));
  });
  return [nameOf(object), withMore(list, 3, (object.subsets ?? []).length === 0 ? none : ''), age(object, now)];
};

const persistentVolume: Cells = (volume, now) => [
  nameOf(volume),
  volume.spec.capacity?.storage ?? '0',
  accessModes(volume.spec.accessModes),
  volume.spec.persistentVolumeReclaimPolicy ?? '',
  phase(volume),
  volume.spec.claimRef === undefined ? '' : `${volume.spec.claimRef.namespace}/${volume.spec.claimRef.name}`,
  storageClass(volume),
  volume.spec.volumeAttributesClassName ?? unset,
  volume.status?.reason ?? '',
  age(volume, now),
  volume.spec.volumeMode ?? unset,
];

const persistentVolumeClaim: Cells = (claim, now) => {
  const bound = Boolean(claim.spec.volumeName);
  return [
    nameOf(claim),
    phase(claim),
    claim.spec.volumeName ?? '',
    bound ? (claim.status?.capacity?.storage ?? '0') : '',
    bound ? accessModes(claim.status?.accessModes) : '',
    storageClass(claim),
    claim.spec.volumeAttributesClassName ?? unset,
    age(claim, now),
    claim.spec.volumeMode ?? unset,
  ];
};

const replicationController: Cells = (controller, now) => [
  nameOf(controller),
  controller.spec.replicas ?? 0,
  controller.status?.replicas ?? 0,
  controller.status?.readyReplicas ?? 0,
  age(controller, now),
  ...containerCells(controller.spec.template?.spec),
  labelList(controller.spec.selector),
];

const resourceQuota: Cells = (quota, now) => {
  const { hard = {}, used = {} } = quota.status ?? {};
  const names = Object.keys(hard).sort();
  const entry = (name: string): string => `${name}: ${ownValue(used, name) ?? '0'}/${ownValue(hard, name)}`;
  const isLimit = (name: string): boolean => name.startsWith('limits');
  return [
    nameOf(quota),
    names
      .filter((name) => !isLimit(name))
      .map(entry)
      .join(', '),
    names.filter(isLimit).map(entry).join(', '),
    age(quota, now),
  ];
};

export const coreCells: Readonly<Record<string, Cells>> = {
  ComponentStatus: componentStatus,
  ConfigMap: configMap,
  Endpoints: endpoints,
  Event: eventCells,
  Namespace: (object, now) => [nameOf(object), object.status?.phase ?? '', age(object, now)],
  Node: nodeCells,
  PersistentVolume: persistentVolume,
  PersistentVolumeClaim: persistentVolumeClaim,
  Pod: podCells,
  PodTemplate: (object) => [
    nameOf(object),
    ...containerCells(object.template?.spec),
    labelList(object.template?.metadata?.labels),
  ],
  ReplicationController: replicationController,
  ResourceQuota: resourceQuota,
  Secret: (object, now) => [nameOf(object), object.type ?? '', Object.keys(object.data ?? {}).length, age(object, now)],
  Service: serviceCells,
  ServiceAccount: nameAndAge,
};
