import type { KubeObject, UserInfo } from '#apimachinery';
import type { RegistryContext } from './registry-context.js';
import type { RequestLifetime } from './request-lifetime.js';

/**
 * A resource that is answered and never stored: reviews, and the token subresource. The registry authorizes `create`,
 * decodes, defaults, validates the structure and runs admission as for any other resource, and then calls `create`
 * in place of the store.
 */
export interface VirtualResource {
  group: string;
  version: string;
  /** Plural as in the path. */
  resource: string;
  /** '' for a main resource. */
  subresource: string;
  kind: string;
  namespaced: boolean;
  /** Gives the answer's body (201 Created); throws StatusError. */
  create(request: VirtualRequest, context: RegistryContext): Promise<KubeObject> | KubeObject;
}

export interface VirtualRequest {
  user: UserInfo;
  namespace: string;
  /** Of the parent for a subresource, else ''. */
  name: string;
  /** The caller's own copy: may be changed. */
  object: KubeObject;
  dryRun: boolean;
  warn(text: string): void;
  lifetime: RequestLifetime;
}
