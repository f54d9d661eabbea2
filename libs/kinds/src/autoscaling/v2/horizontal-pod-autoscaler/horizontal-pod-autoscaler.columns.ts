import { ownValue } from '#apimachinery';
import { age, nameOf, none, unknown, unset, withMore } from '../../../columns/cells.js';
import type { Cells } from '../../../contract/kind-module.js';

/** Rows of the v2 form; v1 is converted before. */
export const horizontalPodAutoscalerCells: Cells = (hpa, now) => [
  nameOf(hpa),
  `${hpa.spec.scaleTargetRef?.kind ?? ''}/${hpa.spec.scaleTargetRef?.name ?? ''}`,
  targets(hpa.spec.metrics ?? [], hpa.status?.currentMetrics ?? []),
  hpa.spec.minReplicas === undefined ? unset : String(hpa.spec.minReplicas),
  hpa.spec.maxReplicas ?? 0,
  hpa.status?.currentReplicas ?? 0,
  age(hpa, now),
];

function targets(specs: any[], statuses: any[]): string {
  return withMore(
    specs.map((spec, i) => target(spec, statuses[i])),
    2,
    none,
    ', ',
  );
}

const sources = {
  External: 'external',
  Object: 'object',
  Pods: 'pods',
  Resource: 'resource',
  ContainerResource: 'containerResource',
} as const;

function target(spec: any, status: any): string {
  const source = ownValue<(typeof sources)[keyof typeof sources]>(sources, spec.type);
  if (source === undefined) return '<unknown type>';
  const wanted = spec[source]?.target ?? {};
  const current = status?.[source]?.current;
  switch (spec.type) {
    case 'External':
    case 'Object':
      if (wanted.averageValue !== undefined) return `${current?.averageValue ?? unknown}/${wanted.averageValue} (avg)`;
      return `${current?.value ?? unknown}/${wanted.value ?? '0'}`;
    case 'Pods':
      return `${current?.averageValue ?? unknown}/${wanted.averageValue ?? '0'}`;
    default: {
      const { name } = spec[source];
      if (wanted.averageValue !== undefined)
        return `${name}: ${current?.averageValue ?? unknown}/${wanted.averageValue}`;
      return `${name}: ${percent(current?.averageUtilization, unknown)}/${percent(wanted.averageUtilization, '<auto>')}`;
    }
  }
}

function percent(value: number | undefined, missing: string): string {
  return value === undefined ? missing : `${value}%`;
}
