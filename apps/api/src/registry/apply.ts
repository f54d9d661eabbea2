import { unsupportedMediaType } from '#apimachinery';
import type { ApiRequest, ApiResult } from './pipeline.js';
import type { RegistryContext } from './registry-context.js';
import type { WriteRequestOptions } from './request-options.js';
import type { ResourceEntry } from './resource-table.js';

export async function applyObject(
  _context: RegistryContext,
  _entry: ResourceEntry,
  _request: ApiRequest,
  _options: WriteRequestOptions,
  _warnings: string[],
): Promise<ApiResult> {
  throw unsupportedMediaType([
    'application/json-patch+json',
    'application/merge-patch+json',
    'application/strategic-merge-patch+json',
  ]);
}
