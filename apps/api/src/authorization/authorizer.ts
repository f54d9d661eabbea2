import type { UserInfo } from '#apimachinery';

export interface AuthorizationAttributes {
  user: UserInfo;
  /** API verb (get, list, ...), or the lower-case HTTP method for non-resource paths. */
  verb: string;
  resourceRequest: boolean;
  group: string;
  version: string;
  resource: string;
  subresource: string;
  namespace: string;
  name: string;
  path: string;
}

export interface AuthorizationDecision {
  decision: 'Allow' | 'Deny' | 'NoOpinion';
  reason: string;
}

export interface Authorizer {
  authorize(attributes: AuthorizationAttributes): AuthorizationDecision | Promise<AuthorizationDecision>;
}
