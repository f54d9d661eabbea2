import type { StatusError } from '#apimachinery';
import type { SubresourceDefinition } from '#kinds';
import type { ResourceEntry, ResourceTable } from '../../registry/resource-table.js';
import type { AggregatedApi, AggregatedSurface } from '../documents/aggregated-surface.js';
import type { DocumentPath, DocumentPaths } from '../documents/document-paths.js';
import { parseRequestInfo, pathErrorOf, type RequestInfo } from './request-info.js';

/**
 * What a method and a URL mean, and so what is authorized and then served. Nothing that a client sends is looked up anywhere
 * but in the tables of resources and of documents.
 */
export type Route =
  | ObjectsRoute
  | ConnectRoute
  | AggregatedRoute
  | { kind: 'document'; info: RequestInfo; document: DocumentPath }
  | { kind: 'nothing'; info: RequestInfo; plainText: boolean };

/** What another API server answers. */
export interface AggregatedRoute {
  kind: 'aggregated';
  info: RequestInfo;
  api: AggregatedApi;
}

export interface ObjectsRoute {
  kind: 'objects';
  info: RequestInfo;
  entry: ResourceEntry;
  /** What there is to say against it once it is authorized. */
  pathError: StatusError | undefined;
}

/** A stream or a proxy: what is asked goes on to a node server, a pod or a Service's endpoint. */
export interface ConnectRoute {
  kind: 'connect';
  info: RequestInfo;
  entry: ResourceEntry;
  subresource: SubresourceDefinition;
  /** Is answered by an upgrade of the connection and by nothing else. */
  upgrades: boolean;
}

/** Subresources of core resources. */
const CONNECTS: ReadonlyMap<string, ReadonlySet<string>> = new Map([
  ['pods', new Set(['log', 'exec', 'attach', 'portforward', 'proxy'])],
  ['nodes', new Set(['proxy'])],
  ['services', new Set(['proxy'])],
]);
const UPGRADES = new Set(['exec', 'attach', 'portforward']);

export interface ServedPaths {
  readonly resources: Pick<ResourceTable, 'find' | 'servesGroupVersion'>;
  readonly documents: Pick<DocumentPaths, 'find'>;
  /** Absent: this server answers all that is answered. */
  readonly aggregated?: Pick<AggregatedSurface, 'size' | 'find'>;
}

/**
 * The only reader of request targets. Throws URIError when `url` is not valid percent encoding, or says too little to name a resource.
 *
 * A resource is reached through a namespace exactly when it is namespaced; over all namespaces it is listed and watched. What a URL
 * asks of the authorizers is told by the URL alone, whether anything is there or not: see `parseRequestInfo`.
 */
export function resolveRoute({ resources, documents, aggregated }: ServedPaths, method: string, url: string): Route {
  const info = parseRequestInfo(method, url);
  const api = aggregated && aggregated.size > 0 ? aggregatedApi(aggregated, info) : undefined;
  if (api) return { kind: 'aggregated', info, api };
  if (!info.isResourceRequest) {
    const document = documents.find(info.path);
    return document ? { kind: 'document', info, document } : { kind: 'nothing', info, plainText: true };
  }
  // `//api/v1/pods` is authorized as what it looks like; the reference's mux compares from the first slash on, and finds nothing.
  if (info.path.startsWith('//')) return { kind: 'nothing', info, plainText: true };
  const entry = resources.find(info.group, info.version, info.resource);
  if (!entry) return { kind: 'nothing', info, plainText: !resources.servesGroupVersion(info.group, info.version) };
  if (!reaches(entry, info)) return { kind: 'nothing', info, plainText: false };
  const { group, plural } = entry.definition;
  const subresource = info.subresource === '' ? undefined : entry.subresources.get(info.subresource);
  if (subresource && group === '' && CONNECTS.get(plural)?.has(subresource.name)) {
    const { name } = subresource;
    if (info.rest.length > 0 && name !== 'proxy') return { kind: 'nothing', info, plainText: false };
    return { kind: 'connect', info, entry, subresource, upgrades: UPGRADES.has(name) };
  }
  return { kind: 'objects', info, entry, pathError: pathErrorOf(method, info) };
}

/** Of a group's version: its resources, and the document that lists them. */
function aggregatedApi(
  aggregated: Pick<AggregatedSurface, 'find'>,
  { isResourceRequest, group, version, path }: RequestInfo,
): AggregatedApi | undefined {
  if (path.startsWith('//')) return undefined;
  if (isResourceRequest) return aggregated.find(group, version);
  const named = /^\/apis\/([^/]+)\/([^/]+)\/*$/.exec(path);
  if (named) return aggregated.find(named[1]!, named[2]!);
  const document = /^\/openapi\/v3\/apis\/([^/]+)\/([^/]+)$/.exec(path);
  return document ? aggregated.find(document[1]!, document[2]!) : undefined;
}

function reaches({ definition, subresources }: ResourceEntry, { scoped, named, subresource }: RequestInfo): boolean {
  if (subresource !== '' && !subresources.has(subresource)) return false;
  if (definition.namespaced === scoped) return true;
  return definition.namespaced && subresource === '' && !named;
}
