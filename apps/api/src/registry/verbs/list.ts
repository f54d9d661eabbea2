import { badRequest, expired, notFound, type StatusError, timeout } from '#apimachinery';
import type { CachedObject, Revision } from '../../storage/store.js';
import type { ApiRequest, ListedResult } from '../api-request.js';
import { decodeContinue, encodeContinue, expiredContinue } from '../continue-token.js';
import type { RegistryContext } from '../registry-context.js';
import { type ListRequestOptions, parseListOptions } from '../request-options.js';
import type { ResourceEntry } from '../resource-table.js';
import { buildFilter } from '../selection.js';

/** How long a read waits for a revision that this replica has not seen yet; the reference gives up after as long. */
const FRESHNESS_WAIT_MS = 3000;
const FRESHNESS_POLL_MS = 25;

/** Reads one object; `resourceVersion` '' is linearizable, '0' whatever is here, else at least as new. */
export async function getObject(
  context: RegistryContext,
  entry: ResourceEntry,
  namespace: string,
  name: string,
  resourceVersion: string,
): Promise<CachedObject> {
  await freshen(context, resourceVersion);
  const object = entry.cache.get(namespace, name);
  if (!object) throw notFound(entry.groupResource, name);
  return object;
}

export async function listObjects(
  context: RegistryContext,
  entry: ResourceEntry,
  request: ApiRequest,
): Promise<ListedResult> {
  const options = parseListOptions(request.query, false);
  const filter = buildFilter(entry, options.labelSelector, options.fieldSelector, request.name);
  const namespace = entry.definition.namespaced && request.namespace !== '' ? request.namespace : undefined;
  const limit = options.limit > 0 ? options.limit : undefined;

  if (options.continue !== '') {
    const position = decodeContinue(options.continue);
    if (options.resourceVersion !== '' && options.resourceVersion !== '0') {
      throw badRequest('specifying resource version is not allowed when using continue');
    }
    const at = position.revision > 0 ? position.revision : undefined;
    // The page before may be from a replica that was further on.
    if (at !== undefined) await waitForRevision(context, at);
    const page = entry.cache.list({ namespace, filter, limit, after: position.after, at });
    if (!page) throw expiredContinue(position);
    return listed(entry, page, filter === undefined);
  }

  const exact = exactRevision(options);
  if (exact !== undefined) await waitForRevision(context, exact);
  else await freshen(context, options.resourceVersion);
  const page = entry.cache.list({ namespace, filter, limit, at: exact });
  if (!page) throw expired('The resourceVersion for the provided list is too old.');
  return listed(entry, page, filter === undefined);
}

/** Exact when asked for, and when a limit comes with a revision: the reference's rule for the older way to say it. */
function exactRevision(options: ListRequestOptions): Revision | undefined {
  if (options.resourceVersion === '' || options.resourceVersion === '0') return undefined;
  const exact = options.resourceVersionMatch === 'Exact' || (options.resourceVersionMatch === '' && options.limit > 0);
  return exact ? parseRevision(options.resourceVersion) : undefined;
}

function listed(
  entry: ResourceEntry,
  page: {
    revision: Revision;
    items: CachedObject[];
    next?: { namespace: string; name: string };
    remaining?: number;
  },
  countKnown: boolean,
): ListedResult {
  const last = page.items.at(-1);
  const after = page.next && last ? { namespace: last.namespace, name: last.name } : undefined;
  return {
    kind: 'list',
    resource: entry.definition,
    revision: page.revision,
    items: page.items,
    continue: after ? encodeContinue({ revision: page.revision, after }) : undefined,
    remaining: after && countKnown ? page.remaining : undefined,
  };
}

/** Makes this replica's caches as new as `resourceVersion` asks. */
export async function freshen(context: RegistryContext, resourceVersion: string): Promise<void> {
  if (resourceVersion === '') {
    await context.store.readBarrier();
  } else if (resourceVersion !== '0') {
    await waitForRevision(context, parseRevision(resourceVersion));
  }
}

export function parseRevision(resourceVersion: string): Revision {
  if (!/^\d+$/.test(resourceVersion)) {
    throw badRequest(
      `Invalid value: ${JSON.stringify(resourceVersion)}: strconv.ParseUint: parsing ${JSON.stringify(resourceVersion)}: invalid syntax`,
    );
  }
  return Number(resourceVersion);
}

async function waitForRevision({ store }: RegistryContext, revision: Revision): Promise<void> {
  if (store.currentRevision() >= revision) return;
  await store.readBarrier();
  const deadline = Date.now() + FRESHNESS_WAIT_MS;
  while (store.currentRevision() < revision) {
    if (Date.now() >= deadline) throw tooLargeRevision(revision, store.currentRevision());
    await new Promise((resolve) => setTimeout(resolve, FRESHNESS_POLL_MS));
  }
}

function tooLargeRevision(wanted: Revision, current: Revision): StatusError {
  const text = `Too large resource version: ${wanted}, current: ${current}`;
  const error = timeout(text, 1);
  error.status.details!.causes = [{ reason: 'ResourceVersionTooLarge', message: 'Too large resource version' }];
  return error;
}
