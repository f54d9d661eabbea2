import { badRequest, expired } from '#apimachinery';
import { convertAhead } from '../../storage/converted-objects.js';
import type { CachedObject, Revision } from '../../storage/store.js';
import type { ApiRequest } from '../api-request.js';
import type { ListedResult } from '../api-result.js';
import { decodeContinue, encodeContinue, expiredContinue } from '../continue-token.js';
import { freshenResource, parseRevision, waitForRevision } from '../freshness.js';
import type { RegistryContext } from '../registry-context.js';
import { type ListRequestOptions, parseListOptions } from '../request-options.js';
import type { ResourceEntry } from '../resource-table.js';
import { buildSelection, listSelected } from '../selection.js';

export async function listObjects(
  context: RegistryContext,
  entry: ResourceEntry,
  request: ApiRequest,
): Promise<ListedResult> {
  const options = parseListOptions(request.query, false);
  const selection = buildSelection(entry, options.labelSelector, options.fieldSelector, request.name);
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
    const page = await listSelected(entry, selection, { namespace, limit, after: position.after, at });
    if (!page) throw expiredContinue(position);
    return listed(entry, page, selection.filter === undefined);
  }

  const exact = exactRevision(options);
  if (exact !== undefined) await waitForRevision(context, exact);
  else await freshenResource(context, entry, namespace ?? '', options.resourceVersion);
  const page = await listSelected(entry, selection, { namespace, limit, at: exact });
  if (!page) throw expired('The resourceVersion for the provided list is too old.');
  return listed(entry, page, selection.filter === undefined);
}

/** Exact when asked for, and when a limit comes with a revision: the reference's rule for the older way to say it. */
function exactRevision(options: ListRequestOptions): Revision | undefined {
  if (options.resourceVersion === '' || options.resourceVersion === '0') return undefined;
  const exact = options.resourceVersionMatch === 'Exact' || (options.resourceVersionMatch === '' && options.limit > 0);
  return exact ? parseRevision(options.resourceVersion) : undefined;
}

async function listed(
  entry: ResourceEntry,
  page: {
    revision: Revision;
    items: CachedObject[];
    next?: { namespace: string; name: string };
    remaining?: number;
  },
  countKnown: boolean,
): Promise<ListedResult> {
  const converting = convertAhead(entry.served, page.items);
  if (converting) await converting;
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
