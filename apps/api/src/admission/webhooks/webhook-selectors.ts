import { internalError, type KubeObject, type LabelMatcher, type Labels, notFound } from '#apimachinery';
import type { Lister } from '../../storage/lister.js';
import type { AdmissionRequest } from '../admission-request.js';
import type { CompiledWebhook } from './compiled-webhook.js';

const NAMESPACES = { group: '', resource: 'namespaces' };

/** Whether the webhook's selectors want the request. Throws StatusError where that cannot be told. */
export function selects(
  webhook: Pick<CompiledWebhook, 'namespaceSelector' | 'objectSelector'>,
  request: AdmissionRequest,
  lister: Lister,
): boolean {
  return selectsNamespace(webhook.namespaceSelector, request, lister) && selectsObject(webhook.objectSelector, request);
}

/** What is in no namespace is never left out by a namespaceSelector. */
function selectsNamespace(selector: LabelMatcher | Error, request: AdmissionRequest, lister: Lister): boolean {
  if (request.namespace === '' && request.resource.resource !== 'namespaces') return true;
  if (selector instanceof Error) throw internalError(selector);
  return selector.isEverything || selector.matches(namespaceLabels(request, lister));
}

/** A namespace that is written is judged by the labels that it will have. */
function namespaceLabels(request: AdmissionRequest, lister: Lister): Labels | undefined {
  const { resource, subresource, operation, object, namespace } = request;
  const isWritten = operation === 'CREATE' || operation === 'UPDATE';
  if (resource.resource === 'namespaces' && subresource === '' && isWritten) return object?.metadata.labels;
  const found = lister.get('namespaces', '', namespace);
  if (found === undefined) throw notFound(NAMESPACES, namespace);
  return found.metadata.labels;
}

/** Either object is enough: who takes a label away is still seen. */
function selectsObject(selector: LabelMatcher | Error, { object, oldObject }: AdmissionRequest): boolean {
  if (selector instanceof Error) throw internalError(selector);
  return selector.isEverything || matches(selector, object) || matches(selector, oldObject);
}

/** What has no metadata, as options of a connection, is selected by the empty selector alone. */
function matches(selector: LabelMatcher, object: KubeObject | undefined): boolean {
  return object?.metadata !== undefined && selector.matches(object.metadata.labels);
}
