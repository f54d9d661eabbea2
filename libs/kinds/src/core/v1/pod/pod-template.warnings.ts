import { isDNS1123Label, type KubeObject } from '#apimachinery';
import type { KindWarnings } from '../../../contract/kind-module.js';
import type { PodTemplateSpec } from '../../../generated/types.js';
import { podWarnings } from './pod.warnings.js';

const none: readonly string[] = [];

/** Of the templates of a workload: looked at when they may have changed. */
export function workloadWarnings(find: (object: any) => readonly string[], namesPods = true): KindWarnings {
  return (object, old) => {
    if (old !== undefined) return old.metadata.generation === object.metadata.generation ? none : find(object);
    return namesPods ? [...nameWarnings(object, 'used in Pod names and hostnames'), ...find(object)] : find(object);
  };
}

export function nameWarnings({ metadata }: KubeObject, use: string): readonly string[] {
  const messages = isDNS1123Label(metadata.name ?? '');
  if (messages.length === 0) return none;
  return [
    `metadata.name: this is ${use}, which can result in surprising behavior; a DNS label is recommended: [${messages.join(' ')}]`,
  ];
}

export function templateWarnings(template: PodTemplateSpec | undefined, ...path: string[]): readonly string[] {
  if (template?.spec === undefined) return none;
  return podWarnings(template.spec, template.metadata ?? {}, ...path);
}

/** Of the template at spec.template. */
export function specTemplateWarnings({ spec }: any): readonly string[] {
  return templateWarnings(spec.template, 'spec', 'template');
}
