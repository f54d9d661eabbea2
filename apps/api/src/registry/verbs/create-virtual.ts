import type { KubeObject } from '#apimachinery';
import { decodeBody, subresourceKind } from '../../codec/body-decoder.js';
import { isLarge } from '../../codec/large-bodies.js';
import type { ApiRequest } from '../api-request.js';
import type { ApiResult } from '../api-result.js';
import type { RegistryContext } from '../registry-context.js';
import { parseWriteOptions } from '../request-options.js';
import type { ResourceEntry } from '../resource-table.js';
import type { VirtualResource } from '../virtual-resource.js';
import { settleNamespace } from '../write/object-metadata.js';
import { WriteCall } from '../write/write-call.js';
import { runWrite } from '../write/write-pipeline.js';
import type { WritePlan } from '../write/write-plan.js';
import { REVIEW, SUBRESOURCE_REVIEW } from '../write/write-stages.js';

/** A create that is answered by a handler and never stored: reviews and tokens. */
export function answerVirtual(
  context: RegistryContext,
  entry: ResourceEntry,
  virtual: VirtualResource,
  request: ApiRequest,
  warnings: string[],
): Promise<ApiResult> {
  const options = parseWriteOptions(request.query, 'CreateOptions');
  const sub = entry.subresources.get(virtual.subresource);
  const expected = sub ? subresourceKind(sub) : entry.definition;
  let sent: KubeObject;
  const plan: WritePlan = {
    operation: 'CREATE',
    stages: sub ? SUBRESOURCE_REVIEW : REVIEW,
    options,
    code: 201,
    decode: () => {
      sent = decodeBody(request, expected, options.fieldValidation, warnings);
      if (sub === undefined) settleNamespace(entry, sent.metadata, request.namespace);
    },
    next: () => sent,
    answer: async ({ object }) => {
      const asked = {
        user: request.user,
        namespace: request.namespace,
        name: request.name,
        object,
        dryRun: options.dryRun,
        warn: (text: string) => warnings.push(text),
        lifetime: request.lifetime,
      };
      const answer = await virtual.create(asked, context);
      return { kind: 'object', code: 201, resource: undefined, object: answer };
    },
  };
  const { group, version, kind } = expected;
  return runWrite(new WriteCall(context, entry, request, plan, warnings, isLarge(request), { group, version, kind }));
}
