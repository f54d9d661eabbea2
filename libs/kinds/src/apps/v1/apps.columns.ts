import { groupOf, type OwnerReference } from '#apimachinery';
import { age, type Cells, containerCells, labelList, nameOf, none, selectorText } from '../../columns/cells.js';

const controllerRevision: Cells = (revision, now) => {
  const owner = (revision.metadata.ownerReferences ?? []).find((item: OwnerReference) => item.controller === true);
  return [nameOf(revision), owner === undefined ? none : ownerName(owner), revision.revision ?? 0, age(revision, now)];
};

function ownerName(owner: OwnerReference): string {
  const group = groupOf(owner.apiVersion);
  const kind = group === '' ? owner.kind : `${owner.kind}.${group}`;
  return `${kind.toLowerCase()}/${owner.name}`;
}

const daemonSet: Cells = (set, now) => [
  nameOf(set),
  set.status?.desiredNumberScheduled ?? 0,
  set.status?.currentNumberScheduled ?? 0,
  set.status?.numberReady ?? 0,
  set.status?.updatedNumberScheduled ?? 0,
  set.status?.numberAvailable ?? 0,
  labelList(set.spec.template?.spec?.nodeSelector),
  age(set, now),
  ...containerCells(set.spec.template?.spec),
  selectorText(set.spec.selector),
];

const deployment: Cells = (object, now) => [
  nameOf(object),
  `${object.status?.readyReplicas ?? 0}/${object.spec.replicas ?? 0}`,
  object.status?.updatedReplicas ?? 0,
  object.status?.availableReplicas ?? 0,
  age(object, now),
  ...containerCells(object.spec.template?.spec),
  selectorText(object.spec.selector),
];

const replicaSet: Cells = (set, now) => [
  nameOf(set),
  set.spec.replicas ?? 0,
  set.status?.replicas ?? 0,
  set.status?.readyReplicas ?? 0,
  age(set, now),
  ...containerCells(set.spec.template?.spec),
  selectorText(set.spec.selector),
];

const statefulSet: Cells = (set, now) => [
  nameOf(set),
  `${set.status?.readyReplicas ?? 0}/${set.spec.replicas ?? 0}`,
  age(set, now),
  ...containerCells(set.spec.template?.spec),
];

export const appsCells: Readonly<Record<string, Cells>> = {
  ControllerRevision: controllerRevision,
  DaemonSet: daemonSet,
  Deployment: deployment,
  ReplicaSet: replicaSet,
  StatefulSet: statefulSet,
};
