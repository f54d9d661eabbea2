import type { ApiResult } from '../../registry/api-result.js';
import type { RegistryContext } from '../../registry/registry-context.js';
import type { VirtualRequest } from '../../registry/virtual-resource.js';
import { WriteCall } from '../../registry/write/write-call.js';
import { runWrite } from '../../registry/write/write-pipeline.js';
import type { WritePlan } from '../../registry/write/write-plan.js';

/** A write of the pod `name` on behalf of a request that was admitted as something else. Rejects with StatusError. */
export function writePod(
  context: RegistryContext,
  { namespace, user, lifetime }: VirtualRequest,
  name: string,
  plan: WritePlan,
): Promise<ApiResult> {
  const entry = context.resources.find('', 'v1', 'pods')!;
  return runWrite(
    new WriteCall(context, entry, { namespace, name, subresource: '', user, userAgent: '', lifetime }, plan, []),
  );
}
