import type { KubeObject } from '#apimachinery';
import type { CheckedPod } from './pod-check.js';

type TemplateOf = (object: KubeObject) => any;

const ofSpec: TemplateOf = ({ spec }) => spec?.template;

/** Resources, by group and name, whose objects have a template of pods. */
const TEMPLATES = new Map<string, TemplateOf>([
  ['/podtemplates', ({ template }) => template],
  ['/replicationcontrollers', ofSpec],
  ['apps/replicasets', ofSpec],
  ['apps/deployments', ofSpec],
  ['apps/statefulsets', ofSpec],
  ['apps/daemonsets', ofSpec],
  ['batch/jobs', ofSpec],
  ['batch/cronjobs', ({ spec }) => spec?.jobTemplate?.spec?.template],
]);

export function hasTemplate({ group, resource }: { group: string; resource: string }): boolean {
  return TEMPLATES.has(`${group}/${resource}`);
}

/** Undefined when the object has none. */
export function templateOf(
  { group, resource }: { group: string; resource: string },
  object: KubeObject,
): CheckedPod | undefined {
  const template = TEMPLATES.get(`${group}/${resource}`)?.(object) ?? undefined;
  return template && { annotations: template.metadata?.annotations, spec: template.spec ?? {} };
}
