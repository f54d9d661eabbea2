import { isTrue, nameOf } from '../../../columns/cells.js';
import type { Cells, KindModule } from '../../../contract/kind-module.js';
import { markForCleanup } from './custom-resource-definition.deletion.js';
import { customResourceDefinitionStrategy } from './custom-resource-definition.strategy.js';
import { customResourceDefinitionValidator } from './custom-resource-definition.validation.js';

const cells: Cells = (crd) => {
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

export const customResourceDefinitionKind: KindModule = {
  group: 'apiextensions.k8s.io',
  version: 'v1',
  kind: 'CustomResourceDefinition',
  strategy: customResourceDefinitionStrategy,
  validator: customResourceDefinitionValidator,
  defaults: {
    'spec.names.singular': ({ spec }) => {
      if (spec?.names?.kind) spec.names.singular ||= spec.names.kind.toLowerCase();
    },
    'spec.names.listKind': ({ spec }) => {
      if (spec?.names?.kind) spec.names.listKind ||= `${spec.names.kind}List`;
    },
    'status.storedVersions': (crd) => {
      if ((crd.status?.storedVersions?.length ?? 0) > 0) return;
      const stored = crd.spec?.versions?.find((version: any) => version.storage === true);
      if (stored !== undefined) crd.status = { ...crd.status, storedVersions: [stored.name] };
    },
  },
  cells,
  deletion: { markFirst: markForCleanup },
  statusEndpointWrites: 'status',
};
