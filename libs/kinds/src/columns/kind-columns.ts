import { admissionregistrationCells } from '../admissionregistration.k8s.io/v1/admissionregistration.columns.js';
import { appsCells } from '../apps/v1/apps.columns.js';
import { hpaToStorage } from '../autoscaling/v1/horizontal-pod-autoscaler/horizontal-pod-autoscaler.conversion.js';
import { horizontalPodAutoscalerCells } from '../autoscaling/v2/horizontal-pod-autoscaler/horizontal-pod-autoscaler.columns.js';
import { batchCells } from '../batch/v1/batch.columns.js';
import { certificatesCells } from '../certificates.k8s.io/v1/certificates.columns.js';
import { coreCells } from '../core/v1/core.columns.js';
import { eventCells } from '../core/v1/event/event.columns.js';
import { endpointSliceCells } from '../discovery.k8s.io/v1/endpoint-slice/endpoint-slice.columns.js';
import { eventToStorage } from '../events.k8s.io/v1/event/event.conversion.js';
import { flowcontrolCells } from '../flowcontrol.apiserver.k8s.io/v1/flowcontrol.columns.js';
import { networkingCells } from '../networking.k8s.io/v1/networking.columns.js';
import { rbacCells } from '../rbac.authorization.k8s.io/v1/rbac.columns.js';
import { resourceCells } from '../resource.k8s.io/v1/resource.columns.js';
import { storageCells } from '../storage.k8s.io/v1/storage.columns.js';
import { age, type Cells, conditionOf, isTrue, nameOf } from './cells.js';

const apiService: Cells = (service, now) => {
  const target = service.spec?.service;
  const condition = conditionOf(service, 'Available');
  let available = condition?.status ?? 'Unknown';
  if (condition !== undefined && available !== 'True' && condition.reason) available += ` (${condition.reason})`;
  const where = target === undefined ? 'Local' : `${target.namespace}/${target.name}`;
  return [nameOf(service), where, available, age(service, now)];
};

const customResourceDefinition: Cells = (crd) => {
  const versions: string[] = (crd.spec.versions ?? [])
    .filter(({ served }: { served: boolean }) => served)
    .map(({ name, storage }: { name: string; storage: boolean }) => (storage ? `${name} (storage)` : name));
  return [
    nameOf(crd),
    crd.spec.scope,
    versions.sort().join(','),
    crd.metadata.creationTimestamp ?? null,
    crd.spec.group,
    crd.spec.names.kind,
    (crd.spec.names.shortNames ?? []).join(','),
    isTrue(crd, 'Established'),
  ];
};

const storageVersionMigration: Cells = (migration) => {
  const { resource, group } = migration.spec?.resource ?? {};
  const conditions: { type: string; status: string }[] = migration.status?.conditions ?? [];
  const state = conditions.findLast(
    ({ type, status }) => status === 'True' && ['Running', 'Failed', 'Succeeded'].includes(type),
  );
  return [nameOf(migration), group ? `${resource}.${group}` : resource, state?.type ?? 'Unknown'];
};

/** Cells by kind, or by `group/Kind` where a group's kind differs from another's of that name. */
export const kindColumns: Readonly<Record<string, Cells>> = {
  ...coreCells,
  ...appsCells,
  ...batchCells,
  ...networkingCells,
  ...rbacCells,
  ...storageCells,
  ...admissionregistrationCells,
  ...certificatesCells,
  ...flowcontrolCells,
  ...resourceCells,
  'events.k8s.io/Event': (event, now) => eventCells(eventToStorage(event), now),
  HorizontalPodAutoscaler: (hpa, now) => horizontalPodAutoscalerCells(hpaToStorage(hpa), now),
  EndpointSlice: endpointSliceCells,
  APIService: apiService,
  CustomResourceDefinition: customResourceDefinition,
  Lease: (object, now) => [nameOf(object), object.spec?.holderIdentity ?? '', age(object, now)],
  LimitRange: (object) => [nameOf(object), object.metadata.creationTimestamp ?? null],
  PodDisruptionBudget: (object, now) => [
    nameOf(object),
    String(object.spec?.minAvailable ?? 'N/A'),
    String(object.spec?.maxUnavailable ?? 'N/A'),
    object.status?.disruptionsAllowed ?? 0,
    age(object, now),
  ],
  PriorityClass: (object, now) => [
    nameOf(object),
    object.value,
    object.globalDefault ?? false,
    age(object, now),
    object.preemptionPolicy ?? '',
  ],
  RuntimeClass: (object, now) => [nameOf(object), object.handler, age(object, now)],
  Scale: (object, now) => [nameOf(object), object.spec?.replicas ?? 0, object.status?.replicas ?? 0, age(object, now)],
  StorageVersionMigration: storageVersionMigration,
};
