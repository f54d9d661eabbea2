import { type KubeObject, Quantity } from '#apimachinery';
import type { ResourceDefinition, TableColumn } from '../contract/definition.js';
import { defineFromSchema } from '../definition/define-from-schema.js';
import type { StructuralSchema } from '../schema/structural/structural.js';

/** metrics.k8s.io: what nodes and pods use, computed at each request. A release of the reference leaves it to metrics-server. */

const verbs = ['get', 'list'];

const text: StructuralSchema = { type: 'string' };
const usage: StructuralSchema = {
  type: 'object',
  description: 'CPU in cores and memory in bytes.',
  additionalProperties: { 'x-kubernetes-int-or-string': true },
};
const measured = {
  timestamp: { ...text, description: 'The end of the time in which the usage was measured.' },
  window: { ...text, description: 'The length of that time.' },
};

const column = (name: string, format: string): TableColumn => ({
  name,
  type: 'string',
  format,
  description: '',
  priority: 0,
});
const columns: readonly TableColumn[] = [
  { ...column('Name', 'name'), description: 'Name of the resource' },
  column('cpu', 'quantity'),
  column('memory', 'quantity'),
  column('Window', 'duration'),
];

const shared = { group: 'metrics.k8s.io', version: 'v1beta1', singular: '', hasStatusEndpoint: false, verbs } as const;

/** Made anew: the definitions of one server. */
export function usageResources(): ResourceDefinition[] {
  return [
    defineFromSchema({
      ...shared,
      kind: 'NodeMetrics',
      plural: 'nodes',
      namespaced: false,
      schema: {
        type: 'object',
        description: 'What a node uses.',
        required: ['timestamp', 'window', 'usage'],
        properties: { ...measured, usage },
      },
      table: {
        columns,
        cells: ({ metadata, usage: used, window }) => [metadata.name, used.cpu, used.memory, window],
      },
    }),
    defineFromSchema({
      ...shared,
      kind: 'PodMetrics',
      plural: 'pods',
      namespaced: true,
      schema: {
        type: 'object',
        description: 'What the containers of a pod use.',
        required: ['timestamp', 'window', 'containers'],
        properties: {
          ...measured,
          containers: {
            type: 'array',
            items: { type: 'object', required: ['name', 'usage'], properties: { name: text, usage } },
          },
        },
      },
      table: {
        columns,
        cells: (pod) => [pod.metadata.name, total(pod, 'cpu'), total(pod, 'memory'), pod['window']],
      },
    }),
  ];
}

function total(pod: KubeObject, resource: 'cpu' | 'memory'): string {
  const containers = pod['containers'] as { usage: { cpu: string; memory: string } }[];
  return containers.reduce((sum, { usage }) => sum.add(Quantity.parse(usage[resource])), Quantity.zero).toString();
}
