import { isJsonObject, ownValue } from '#apimachinery';
import type { ServedResources } from '../http/documents/aggregated-surface.js';
import type { Endpoint } from '../webhook-client/service-endpoint.js';
import type { ForwardedApi } from './aggregated-apis.js';
import type { RemoteServers } from './remote-server.js';

const AGGREGATED_V2 = 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList';

/** What another server lists: its aggregated discovery, or, of an older server, the list of the one version. Throws what is wrong. */
export async function fetchServedResources(
  remote: RemoteServers,
  api: ForwardedApi,
  endpoint: Endpoint,
): Promise<ServedResources> {
  const { group, version } = api;
  const answer = await remote.get(api, endpoint, '/apis', `${AGGREGATED_V2},application/json;q=0.5`);
  const isAggregated = answer.code === 200 && /as=APIGroupDiscoveryList/i.test(answer.contentType);
  const resources = isAggregated
    ? aggregatedResources(answer.body, group, version)
    : plainResources((await remote.get(api, endpoint, `/apis/${group}/${version}`, 'application/json')).body);
  return { resources, openApi: await openApiAddress(remote, api, endpoint).catch(() => undefined) };
}

function aggregatedResources(body: string, group: string, version: string): object[] {
  for (const item of list(JSON.parse(body), 'items')) {
    if ((item['metadata'] as { name?: string } | undefined)?.name !== group) continue;
    const found = list(item, 'versions').find((one) => one['version'] === version);
    if (found) return list(found, 'resources');
  }
  return [];
}

interface PlainResource {
  name?: string;
  singularName?: string;
  namespaced?: boolean;
  group?: string;
  version?: string;
  kind?: string;
  verbs?: string[];
  shortNames?: string[];
  categories?: string[];
}

/** An APIResourceList in the form of aggregated discovery: subresources lie in their resources. */
export function plainResources(body: string): object[] {
  const document: unknown = JSON.parse(body);
  const named = isJsonObject(document) ? document['groupVersion'] : undefined;
  const [group = '', version = ''] = typeof named === 'string' ? named.split('/') : [];
  const kindOf = (item: PlainResource) => ({
    group: item.group || group,
    version: item.version || version,
    kind: item.kind ?? '',
  });
  const all = list(document, 'resources') as PlainResource[];
  return all
    .filter(({ name }) => name !== undefined && !name.includes('/'))
    .map((item) => {
      const below = all.filter(({ name }) => name?.startsWith(`${item.name}/`));
      return {
        resource: item.name,
        responseKind: kindOf(item),
        scope: item.namespaced ? 'Namespaced' : 'Cluster',
        singularResource: item.singularName ?? '',
        verbs: item.verbs ?? [],
        ...(item.shortNames ? { shortNames: item.shortNames } : undefined),
        ...(item.categories ? { categories: item.categories } : undefined),
        ...(below.length > 0
          ? {
              subresources: below.map((one) => ({
                subresource: one.name!.slice(item.name!.length + 1),
                responseKind: kindOf(one),
                verbs: one.verbs ?? [],
              })),
            }
          : undefined),
      };
    });
}

async function openApiAddress(
  remote: RemoteServers,
  api: ForwardedApi,
  endpoint: Endpoint,
): Promise<string | undefined> {
  const { code, body } = await remote.get(api, endpoint, '/openapi/v3', 'application/json');
  if (code !== 200) return undefined;
  const { paths } = JSON.parse(body) as { paths?: Record<string, { serverRelativeURL?: string }> };
  const address = new Map(Object.entries(paths ?? {})).get(`apis/${api.group}/${api.version}`)?.serverRelativeURL;
  // It becomes part of our own index: nothing but a path of this document may stand there.
  return address?.startsWith(`/openapi/v3/apis/${api.group}/${api.version}`) ? address : undefined;
}

function list(document: unknown, field: string): Record<string, unknown>[] {
  const value = isJsonObject(document) ? ownValue(document, field) : undefined;
  return Array.isArray(value) ? value.filter(isJsonObject) : [];
}
