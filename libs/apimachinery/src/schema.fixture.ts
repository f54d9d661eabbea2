import type { PatchStrategy, SchemaNode } from './schema.js';

/** Small schemas for the specs of this folder. */
interface NodeOptions {
  mergeKey?: string;
  patchStrategy?: PatchStrategy[];
  listType?: 'atomic' | 'set' | 'map';
  listMapKeys?: string[];
  mapType?: 'atomic' | 'granular';
  default?: unknown;
  presentWhenZero?: string[];
}

function node(kind: SchemaNode['kind'], options: NodeOptions, fields: Record<string, SchemaNode>, items?: SchemaNode) {
  return {
    kind,
    items,
    field: (name: string) => (Object.hasOwn(fields, name) ? fields[name] : undefined),
    mergeKey: options.mergeKey,
    patchStrategy: options.patchStrategy ?? [],
    listType: options.listType,
    listMapKeys: options.listMapKeys ?? [],
    mapType: options.mapType,
    default: options.default,
    presentWhenZero: (name: string) => options.presentWhenZero?.includes(name) ?? false,
  } satisfies SchemaNode;
}

export const scalar = node('scalar', {}, {});
export const object = (fields: Record<string, SchemaNode>, options: NodeOptions = {}) =>
  node('object', options, fields);
export const map = (items: SchemaNode, options: NodeOptions = {}) => node('map', options, {}, items);
export const list = (items: SchemaNode, options: NodeOptions = {}) => node('list', options, {}, items);

const labels = map(scalar);
const port = object({
  containerPort: scalar,
  protocol: node('scalar', { default: 'TCP' }, {}),
  name: scalar,
});
const container = object({
  name: scalar,
  image: scalar,
  command: list(scalar, { listType: 'atomic' }),
  ports: list(port, {
    listType: 'map',
    listMapKeys: ['containerPort', 'protocol'],
    mergeKey: 'containerPort',
    patchStrategy: ['merge'],
  }),
  env: list(object({ name: scalar, value: scalar }), {
    listType: 'map',
    listMapKeys: ['name'],
    mergeKey: 'name',
    patchStrategy: ['merge'],
  }),
  resources: object({ limits: map(scalar), requests: map(scalar) }),
});

const metadata = object({
  name: scalar,
  namespace: scalar,
  labels,
  annotations: labels,
  finalizers: list(scalar, { listType: 'set', patchStrategy: ['merge'] }),
});

/** Shaped like a Deployment, with one of every kind of list and map. */
export const workload = object(
  {
    apiVersion: scalar,
    kind: scalar,
    metadata,
    spec: object(
      {
        replicas: scalar,
        selector: object({ matchLabels: labels }, { mapType: 'atomic' }),
        strategy: object(
          { type: scalar, rollingUpdate: object({ maxSurge: scalar, maxUnavailable: scalar }) },
          { patchStrategy: ['retainKeys'] },
        ),
        containers: list(container, {
          listType: 'map',
          listMapKeys: ['name'],
          mergeKey: 'name',
          patchStrategy: ['merge'],
        }),
      },
      { presentWhenZero: ['selector', 'strategy', 'containers'] },
    ),
    status: object({ replicas: scalar, conditions: list(scalar, { listType: 'atomic' }) }),
  },
  { presentWhenZero: ['metadata', 'spec', 'status'] },
);
