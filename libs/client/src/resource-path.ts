import type { GroupVersionResource } from '#apimachinery';
import type { ListOptions, WatchOptions, WriteOptions } from './client.js';

/** The API's path of a collection or an object. An empty namespace means cluster-scoped, or all namespaces. */
export function resourcePath(gvr: GroupVersionResource, namespace: string, name = '', subresource = ''): string {
  let path = gvr.group === '' ? `/api/${gvr.version}` : `/apis/${gvr.group}/${gvr.version}`;
  if (namespace !== '') path += `/namespaces/${encodeURIComponent(namespace)}`;
  path += `/${gvr.resource}`;
  if (name !== '') path += `/${encodeURIComponent(name)}`;
  if (subresource !== '') path += `/${subresource}`;
  return path;
}

export function listQuery(options: ListOptions): URLSearchParams {
  const query = new URLSearchParams();
  if (options.labelSelector) query.set('labelSelector', options.labelSelector);
  if (options.fieldSelector) query.set('fieldSelector', options.fieldSelector);
  if (options.resourceVersion !== undefined) query.set('resourceVersion', options.resourceVersion);
  if (options.resourceVersionMatch) query.set('resourceVersionMatch', options.resourceVersionMatch);
  if (options.limit) query.set('limit', String(options.limit));
  if (options.continue) query.set('continue', options.continue);
  return query;
}

export function watchQuery(options: WatchOptions): URLSearchParams {
  const query = listQuery(options);
  query.set('watch', 'true');
  if (options.allowWatchBookmarks) query.set('allowWatchBookmarks', 'true');
  if (options.sendInitialEvents !== undefined) query.set('sendInitialEvents', String(options.sendInitialEvents));
  if (options.timeoutSeconds !== undefined) query.set('timeoutSeconds', String(options.timeoutSeconds));
  return query;
}

export function writeQuery(options: WriteOptions): URLSearchParams {
  const query = new URLSearchParams();
  if (options.fieldManager) query.set('fieldManager', options.fieldManager);
  if (options.fieldValidation) query.set('fieldValidation', options.fieldValidation);
  if (options.dryRun) query.set('dryRun', 'All');
  if (options.force) query.set('force', 'true');
  return query;
}

export function withQuery(path: string, query: URLSearchParams): string {
  const text = query.toString();
  return text === '' ? path : `${path}?${text}`;
}
