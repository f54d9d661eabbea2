import { isLabelValue } from '#apimachinery';
import type { NodeSelectorTerm } from '../../generated/types.js';
import type { WarningCursor } from '../../validation/warning-cursor.js';

const deprecated = new Map([
  ['beta.kubernetes.io/arch', 'deprecated since v1.14; use "kubernetes.io/arch" instead'],
  ['beta.kubernetes.io/os', 'deprecated since v1.14; use "kubernetes.io/os" instead'],
  ['failure-domain.beta.kubernetes.io/region', 'deprecated since v1.17; use "topology.kubernetes.io/region" instead'],
  ['failure-domain.beta.kubernetes.io/zone', 'deprecated since v1.17; use "topology.kubernetes.io/zone" instead'],
  ['beta.kubernetes.io/instance-type', 'deprecated since v1.17; use "node.kubernetes.io/instance-type" instead'],
  ['app.kubernetes.io/created-by', 'deprecated since v1.9'],
  ['scheduler.alpha.kubernetes.io/preferAvoidPods', 'deprecated since v1.22; use Taints and Tolerations instead'],
  ['node-role.kubernetes.io/master', 'use "node-role.kubernetes.io/control-plane" instead'],
]);

/** What became of a label of nodes; undefined for one that is as good as ever. */
export function deprecatedNodeLabel(label: string): string | undefined {
  return deprecated.get(label);
}

/** `checksValues`: where validation lets values pass that no label can have. */
export function warnOfNodeTerm(at: WarningCursor, term: NodeSelectorTerm, checksValues: boolean): void {
  term.matchExpressions?.forEach(({ key, values }, i) => {
    const why = deprecated.get(key);
    if (why !== undefined) at.warn(`matchExpressions[${i}].key`, `${key} is ${why}`);
    if (!checksValues) return;
    values?.forEach((value, v) => {
      for (const text of isLabelValue(value)) {
        at.warn(`matchExpressions[${i}].values[${v}]`, `${value} is invalid, ${text}`);
      }
    });
  });
}
