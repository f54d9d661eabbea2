import { expired } from '#apimachinery';
import type { ApiRequest } from '../api-request.js';
import type { ApiResult } from '../api-result.js';
import { freshen, parseRevision } from '../freshness.js';
import type { RegistryContext } from '../registry-context.js';
import { parseListOptions } from '../request-options.js';
import type { ResourceEntry } from '../resource-table.js';
import { buildSelection, listSelected } from '../selection.js';
import { CacheWatchSession, expiredItem, failedWatch } from './watch-session.js';

/** The reference picks a random end between one and two times this, so that clients do not come back together. */
const MIN_REQUEST_TIMEOUT_MS = 1_800_000;

/** Node's timers end at once when they are given more: 24 days. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

export async function watchObjects(
  context: RegistryContext,
  entry: ResourceEntry,
  request: ApiRequest,
): Promise<ApiResult> {
  const options = parseListOptions(request.query, true);
  const selection = buildSelection(entry, options.labelSelector, options.fieldSelector, request.name);
  const namespace = entry.definition.namespaced && request.namespace !== '' ? request.namespace : undefined;
  const unset = options.resourceVersion === '' || options.resourceVersion === '0';
  const wanted = unset ? 0 : parseRevision(options.resourceVersion);
  const withInitial = options.sendInitialEvents ?? unset;
  const timeoutMs = options.timeoutSeconds
    ? Math.min(options.timeoutSeconds * 1000, LONGEST_TIMER_MS)
    : MIN_REQUEST_TIMEOUT_MS * (1 + Math.random());
  const { definition: resource, apiVersion, served, cache } = entry;
  const { filter, early } = selection;
  const common = { resource, apiVersion, served, filter, bookmarks: options.allowWatchBookmarks, timeoutMs };

  if (!withInitial && !unset) {
    const watch = cache.watch({ from: wanted, namespace, filter: early });
    if (!watch) {
      return { kind: 'watch', resource, session: failedWatch(expiredItem(wanted, context.store.compactedRevision())) };
    }
    return {
      kind: 'watch',
      resource,
      session: session(entry, request, { ...common, watch, initial: [], from: wanted }),
    };
  }

  await freshen(context, options.resourceVersion);
  const state = await listSelected(entry, selection, { namespace });
  const watch = state && cache.watch({ from: state.revision, namespace, filter: early });
  if (!watch) throw expired('The resourceVersion for the provided watch is too old.');
  return {
    kind: 'watch',
    resource,
    session: session(entry, request, {
      ...common,
      watch,
      initial: withInitial ? state.items : [],
      from: state.revision,
      endOfInitial: options.sendInitialEvents && options.allowWatchBookmarks ? state.revision : undefined,
    }),
  };
}

function session(
  { watches }: ResourceEntry,
  request: ApiRequest,
  options: ConstructorParameters<typeof CacheWatchSession>[0],
): CacheWatchSession {
  const watching: CacheWatchSession = new CacheWatchSession(options, () => watches.delete(watching));
  watches.add(watching);
  const { signal } = request.lifetime;
  if (signal.aborted) watching.stop();
  else signal.addEventListener('abort', () => watching.stop(), { once: true });
  return watching;
}
