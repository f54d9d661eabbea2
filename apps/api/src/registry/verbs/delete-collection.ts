import { appendAll, expired } from '#apimachinery';
import type { ApiRequest } from '../api-request.js';
import type { ApiResult } from '../api-result.js';
import type { RegistryContext } from '../registry-context.js';
import { parseListOptions } from '../request-options.js';
import type { ResourceEntry } from '../resource-table.js';
import { buildSelection, listSelected } from '../selection.js';
import { WriteCall } from '../write/write-call.js';
import { runWrite } from '../write/write-pipeline.js';
import { deletion, readDeleteOptions } from './delete.js';

/** Deletes of one collection that are under way at a time: they share group commits. */
const COLLECTION_PARALLELISM = 64;

/** Deletes what a list with the same selectors shows; answers with that list. Objects that went meanwhile are no error. */
export async function deleteCollection(
  context: RegistryContext,
  entry: ResourceEntry,
  request: ApiRequest,
  warnings: string[],
): Promise<ApiResult> {
  const options = readDeleteOptions(request);
  const asked = parseListOptions(request.query, false);
  const selection = buildSelection(entry, asked.labelSelector, asked.fieldSelector, '');
  const namespace = entry.definition.namespaced && request.namespace !== '' ? request.namespace : undefined;
  await context.store.readBarrier();
  const listed = await listSelected(entry, selection, { namespace });
  if (!listed) throw expired('The resourceVersion for the provided list is too old.');
  const { items, revision } = listed;
  for (let at = 0; at < items.length; at += COLLECTION_PARALLELISM) {
    await Promise.all(
      items.slice(at, at + COLLECTION_PARALLELISM).map(async (item) => {
        const { user, userAgent, lifetime, record } = request;
        const target = {
          namespace: item.namespace,
          name: item.name,
          subresource: '',
          user,
          userAgent,
          lifetime,
          record,
        };
        const notes: string[] = [];
        try {
          await runWrite(new WriteCall(context, entry, target, deletion(options), notes));
        } catch (error) {
          if ((error as { code?: number }).code !== 404) throw error;
        }
        appendAll(warnings, notes);
      }),
    );
  }
  return { kind: 'list', resource: entry.definition, revision, items };
}
