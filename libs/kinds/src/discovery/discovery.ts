import { createHash } from 'node:crypto';
import { formatGroupVersion } from '#apimachinery';
import type { ResourceDefinition, SubresourceDefinition } from '../contract/definition.js';
import { apiFacts } from '../facts/facts.js';
import { sortKubeVersions } from './version-order.js';

/**
 * Discovery documents, plain and aggregated, as functions of the definitions that are served. Groups come in the
 * reference's order, unknown ones (custom resources) after them; a group's first version is the preferred one.
 */

interface GroupVersions {
  name: string;
  versions: string[];
}

/** The groups that the definitions are in, with their versions. */
export function servedGroups(definitions: readonly ResourceDefinition[]): GroupVersions[] {
  const served = new Map<string, Set<string>>();
  for (const { group, version } of definitions) {
    let versions = served.get(group);
    if (versions === undefined) served.set(group, (versions = new Set()));
    versions.add(version);
  }
  const groups: GroupVersions[] = [];
  for (const { name, versions } of apiFacts().groups) {
    const present = served.get(name);
    if (present === undefined) continue;
    groups.push({
      name,
      versions: [...versions.filter((version) => present.delete(version)), ...sortKubeVersions(present)],
    });
    served.delete(name);
  }
  for (const name of [...served.keys()].sort()) groups.push({ name, versions: sortKubeVersions(served.get(name)!) });
  return groups;
}

/** GET /api. `serverAddress` is `host:port` as clients reach it. */
export function apiVersions(serverAddress: string): object {
  return {
    kind: 'APIVersions',
    versions: ['v1'],
    serverAddressByClientCIDRs: [{ clientCIDR: '0.0.0.0/0', serverAddress }],
  };
}

/** GET /apis. */
export function apiGroupList(definitions: readonly ResourceDefinition[]): object {
  const groups = servedGroups(definitions).filter(({ name }) => name !== '');
  return { kind: 'APIGroupList', apiVersion: 'v1', groups: groups.map(describeGroup) };
}

/** GET /apis/<group>; undefined when nothing of it is served. */
export function apiGroup(definitions: readonly ResourceDefinition[], group: string): object | undefined {
  const found = servedGroups(definitions).find(({ name }) => name === group && name !== '');
  return found === undefined ? undefined : { kind: 'APIGroup', apiVersion: 'v1', ...describeGroup(found) };
}

function describeGroup({ name, versions }: GroupVersions) {
  const all = versions.map((version) => ({ groupVersion: formatGroupVersion(name, version), version }));
  return { name, versions: all, preferredVersion: all[0] };
}

/** GET /api/v1 and /apis/<group>/<version>; undefined when nothing of it is served. */
export function apiResourceList(
  definitions: readonly ResourceDefinition[],
  group: string,
  version: string,
): object | undefined {
  const own = definitions.filter((item) => item.group === group && item.version === version);
  if (own.length === 0) return undefined;
  const resources = own.flatMap((item) => [
    plainResource(item),
    ...item.subresources.map((subresource) => plainSubresource(item, subresource)),
  ]);
  return {
    kind: 'APIResourceList',
    ...(group === '' ? undefined : { apiVersion: 'v1' }),
    groupVersion: formatGroupVersion(group, version),
    resources: resources.sort((a, b) => (a.name < b.name ? -1 : 1)),
  };
}

function plainResource(item: ResourceDefinition) {
  return {
    name: item.plural,
    singularName: item.singular,
    namespaced: item.namespaced,
    kind: item.kind,
    verbs: item.verbs,
    ...(item.shortNames.length > 0 ? { shortNames: item.shortNames } : undefined),
    ...(item.categories.length > 0 ? { categories: item.categories } : undefined),
    ...(item.verbs.includes('watch') ? { storageVersionHash: storageVersionHash(item) } : undefined),
  };
}

function plainSubresource(item: ResourceDefinition, subresource: SubresourceDefinition) {
  const foreign = subresource.group !== item.group || subresource.version !== item.version;
  return {
    name: `${item.plural}/${subresource.name}`,
    singularName: '',
    namespaced: item.namespaced,
    ...(foreign ? { group: subresource.group, version: subresource.version } : undefined),
    kind: subresource.kind,
    verbs: subresource.verbs,
  };
}

/** Tells clients when the stored version of a resource changed: the first 8 bytes of a hash of its name. */
export function storageVersionHash(item: Pick<ResourceDefinition, 'storageVersion' | 'kind'>): string {
  const { group, version } = item.storageVersion;
  return createHash('sha256').update(`${group}/${version}/${item.kind}`).digest().subarray(0, 8).toString('base64');
}

export type DiscoveryVersion = 'v2' | 'v2beta1';

/** The aggregated document of /api (the core group) or /apis (all others): apidiscovery.k8s.io APIGroupDiscoveryList. */
export function aggregatedDiscovery(
  definitions: readonly ResourceDefinition[],
  root: '/api' | '/apis',
  documentVersion: DiscoveryVersion = 'v2',
): object {
  const groups = servedGroups(definitions).filter(({ name }) => (name === '') === (root === '/api'));
  return {
    kind: 'APIGroupDiscoveryList',
    apiVersion: `apidiscovery.k8s.io/${documentVersion}`,
    metadata: {},
    items: groups.map(({ name, versions }) => ({
      metadata: name === '' ? {} : { name },
      versions: versions.map((version) => ({
        version,
        resources: definitions
          .filter((item) => item.group === name && item.version === version)
          .sort((a, b) => (a.plural < b.plural ? -1 : 1))
          .map(aggregatedResource),
        freshness: 'Current',
      })),
    })),
  };
}

function aggregatedResource(item: ResourceDefinition) {
  return {
    resource: item.plural,
    responseKind: { group: item.group, version: item.version, kind: item.kind },
    scope: item.namespaced ? 'Namespaced' : 'Cluster',
    singularResource: item.singular,
    verbs: item.verbs,
    ...(item.shortNames.length > 0 ? { shortNames: item.shortNames } : undefined),
    ...(item.categories.length > 0 ? { categories: item.categories } : undefined),
    ...(item.subresources.length > 0
      ? {
          subresources: item.subresources.map(({ name, kind, group, version, verbs }) => ({
            subresource: name,
            responseKind: { group, version, kind },
            verbs,
          })),
        }
      : undefined),
  };
}
