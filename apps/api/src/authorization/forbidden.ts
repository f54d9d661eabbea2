import { forbidden, internalError, quote, type StatusError } from '#apimachinery';
import type { AuthorizationAttributes, Authorizer } from './authorizer.js';

/** What the caller may not do, in upstream's words: clients and people grep for them. */
export function forbiddenText(attributes: AuthorizationAttributes): string {
  const user = quote(attributes.user.name);
  if (!attributes.resourceRequest) return `User ${user} cannot ${attributes.verb} path ${quote(attributes.path)}`;
  const resource = attributes.subresource ? `${attributes.resource}/${attributes.subresource}` : attributes.resource;
  const where = attributes.namespace ? `in the namespace ${quote(attributes.namespace)}` : 'at the cluster scope';
  return `User ${user} cannot ${attributes.verb} resource ${quote(resource)} in API group ${quote(attributes.group)} ${where}`;
}

/** The 403 for a request that no authorizer allowed. */
export function forbiddenError(attributes: AuthorizationAttributes, reason: string): StatusError {
  const text = forbiddenText(attributes);
  const resource = { group: attributes.group, resource: attributes.resource };
  return forbidden(resource, attributes.name, reason ? `${text}: ${reason}` : text);
}

/** Keeps what was decided about a request, for the audit log. */
export interface DecisionRecord {
  decided(decision: 'allow' | 'forbid', reason: string): void;
}

/** Asks the authorizers; throws 403 unless they allow it, and 500 when one could not say. */
export async function allowedOrThrow(
  authorizer: Authorizer,
  attributes: AuthorizationAttributes,
  record?: DecisionRecord,
): Promise<void> {
  const answer = authorizer.authorize(attributes);
  const { decision, reason, error } = 'then' in answer ? await answer : answer;
  const isAllowed = decision === 'Allow';
  record?.decided(isAllowed ? 'allow' : 'forbid', error && !isAllowed ? 'internal error' : reason);
  if (isAllowed) return;
  if (error) throw internalError(error);
  throw forbiddenError(attributes, reason);
}
