import { decodeBody, subresourceKind } from '../../codec/body-decoder.js';
import { breath, isLarge } from '../../codec/large-bodies.js';
import type { ApiRequest } from '../api-request.js';
import type { ApiResult } from '../api-result.js';
import type { RegistryContext } from '../registry-context.js';
import { parseWriteOptions } from '../request-options.js';
import type { ResourceEntry } from '../resource-table.js';
import type { VirtualResource } from '../virtual-resource.js';
import { settleNamespace } from '../write/object-metadata.js';
import { admissionAttributes } from '../write/write-attempt.js';

/** A create that is answered by a handler and never stored: reviews and tokens. */
export async function answerVirtual(
  context: RegistryContext,
  entry: ResourceEntry,
  virtual: VirtualResource,
  request: ApiRequest,
  warnings: string[],
): Promise<ApiResult> {
  const options = parseWriteOptions(request.query, 'CreateOptions');
  const sub = entry.subresources.get(virtual.subresource);
  const expected = sub ? subresourceKind(sub) : entry.definition;
  const object = decodeBody(request, expected, options.fieldValidation, warnings);
  if (isLarge(request)) await breath();
  if (sub === undefined) {
    settleNamespace(entry, object.metadata, request.namespace);
    entry.definition.strategy.applyDefaults(object);
  }
  const attributes = admissionAttributes(entry, request, 'CREATE', object, undefined, { ...options }, warnings);
  await context.admission.admit(attributes);
  await context.admission.validate(attributes);
  const answer = await virtual.create({
    user: request.user,
    namespace: request.namespace,
    name: request.name,
    object,
    dryRun: options.dryRun,
    warn: (text) => warnings.push(text),
  });
  return { kind: 'object', code: 201, resource: undefined, object: answer };
}
