import type { KubeObject } from '#apimachinery';
import { decodeBody } from '../../codec/body-decoder.js';
import { isLarge } from '../../codec/large-bodies.js';
import type { ApiRequest } from '../api-request.js';
import type { ApiResult } from '../api-result.js';
import type { RegistryContext } from '../registry-context.js';
import { parseWriteOptions } from '../request-options.js';
import type { ResourceEntry } from '../resource-table.js';
import { WriteCall } from '../write/write-call.js';
import { runWrite } from '../write/write-pipeline.js';
import { WRITE } from '../write/write-stages.js';

export function createObject(
  context: RegistryContext,
  entry: ResourceEntry,
  request: ApiRequest,
  warnings: string[],
): Promise<ApiResult> {
  const options = parseWriteOptions(request.query, 'CreateOptions');
  let sent: KubeObject;
  const plan = {
    operation: 'CREATE',
    stages: WRITE,
    options,
    code: 201,
    decode: () => {
      sent = decodeBody(request, entry.definition, options.fieldValidation, warnings);
    },
    next: () => sent,
  } as const;
  return runWrite(new WriteCall(context, entry, request, plan, warnings, isLarge(request)));
}
