import { allResources, type ResourceDefinition } from '#kinds';
import { customDefinition } from './policy-samples.js';
import { type Place, type Samples, samples, WITHOUT_SAMPLE } from './samples.js';

/** A kind that is written to. */
export interface Target {
  /** `group/version/Kind`; words of the command line choose by it. */
  key: string;
  group: string;
  version: string;
  kind: string;
  /** Path of its collection, in the namespace of the fuzzing where it has one. */
  path: string;
  namespaced: boolean;
  /** Objects are kept: they can be read, changed and deleted. */
  kept: boolean;
  watched: boolean;
  subresources: readonly string[];
  fieldLabels: readonly string[];
  /** Missing for a custom resource: its rules are the server's alone. */
  definition?: ResourceDefinition;
  /** An object that the server takes; undefined for kinds whose objects depend on others. */
  sample(name: string): Record<string, unknown>;
  isValid: boolean;
}

/** Those that open a connection to a node or to a pod. */
const CONNECTS = ['attach', 'exec', 'log', 'portforward', 'proxy'];
export const CUSTOM = { plural: 'fuzzers', kind: 'Fuzzer', group: 'fuzz.example.com' };

/** Every kind that takes objects, and a custom one. */
export function targets(place: Place): Target[] {
  const written = allResources().filter(({ verbs }) => verbs.includes('create'));
  const builtIn = written.map((definition): Target => {
    const { group, version, kind, plural, namespaced, verbs, subresources, fieldLabels } = definition;
    const key = group === '' ? `${version}/${kind}` : `${group}/${version}/${kind}`;
    const make = sampleOf(samples, key);
    return {
      ...{ key, group, version, kind, namespaced, fieldLabels, definition },
      path: collection(group, version, plural, namespaced ? place.namespace : ''),
      kept: verbs.includes('get'),
      watched: verbs.includes('watch'),
      subresources: subresources.map(({ name }) => name).filter((name) => !CONNECTS.includes(name)),
      sample: (name) => complete(group, version, kind, name, make?.(name, place)),
      isValid: make !== undefined,
    };
  });
  return [...builtIn, customTarget(place)];
}

function customTarget({ namespace }: Place): Target {
  const { plural, kind, group } = CUSTOM;
  return {
    ...{ key: `${group}/v1/${kind}`, group, version: 'v1', kind, namespaced: true },
    path: collection(group, 'v1', plural, namespace),
    ...{ kept: true, watched: true, subresources: ['status', 'scale'], fieldLabels: ['spec.pattern'], isValid: true },
    sample: (name) =>
      complete(group, 'v1', kind, name, {
        spec: {
          ...{ replicas: 1, port: 'http', free: { a: [1] }, pattern: 'abc', when: '2026-01-01T00:00:00Z', ratio: 1.5 },
          ...{ tags: ['a', 'b'], parts: [{ name: 'p', size: 1 }], map: { a: 1 } },
          pod: { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'p' } },
        },
      }),
  };
}

/** What `customTarget` is of. */
export const customTargetDefinition = {
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  ...customDefinition(CUSTOM.plural, CUSTOM.kind, CUSTOM.group),
};

function sampleOf(table: Samples, key: string): Samples[string] | undefined {
  if (Object.hasOwn(table, key)) return table[key];
  if (WITHOUT_SAMPLE.includes(key)) return undefined;
  throw new Error(`there is no sample of ${key} in test/fuzz`);
}

export function collection(group: string, version: string, plural: string, namespace: string): string {
  const root = group === '' ? `/api/${version}` : `/apis/${group}/${version}`;
  return `${root}${namespace === '' ? '' : `/namespaces/${namespace}`}/${plural}`;
}

function complete(group: string, version: string, kind: string, name: string, body: Record<string, unknown> = {}) {
  const { metadata, ...rest } = body as { metadata?: object };
  return {
    apiVersion: group === '' ? version : `${group}/${version}`,
    kind,
    // Questions about permissions have no name.
    metadata: group === 'authorization.k8s.io' ? { ...metadata } : { ...named(name), ...metadata },
    ...structuredClone(rest),
  };
}

function named(name: string) {
  return { name, labels: { app: 'fuzz' }, annotations: { a: 'b' } };
}
