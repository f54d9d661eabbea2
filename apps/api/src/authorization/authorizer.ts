import type { UserInfo } from '#apimachinery';

/** One parsed requirement of a selector; `a=b` is In with one value, `a!=b` NotIn with one value. */
export interface SelectorRequirement {
  key: string;
  operator: 'In' | 'NotIn' | 'Exists' | 'DoesNotExist';
  values: readonly string[];
}

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
  /**
   * What list, watch and deletecollection are narrowed to, ANDed. Absent when there is no selector or it does not parse:
   * narrowing only ever grants more, so leaving it out is safe.
   */
  fieldSelector?: readonly SelectorRequirement[];
  labelSelector?: readonly SelectorRequirement[];
}

/** What is asked for, whoever asks. */
export type RequestAttributes = Omit<AuthorizationAttributes, 'user'>;

export interface AuthorizationDecision {
  decision: 'Allow' | 'Deny' | 'NoOpinion';
  reason: string;
  /** What went wrong on the way to the decision. A request that is not allowed then failed, rather than being forbidden. */
  error?: string;
}

export interface Authorizer {
  authorize(attributes: AuthorizationAttributes): AuthorizationDecision | Promise<AuthorizationDecision>;
}
