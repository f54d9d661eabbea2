import { badRequest, formatTime } from '#apimachinery';
import type { TokenAuthenticator } from '../../authentication/token-authenticator.js';
import { userInfoBody } from '../../identity/users.js';
import type { VirtualResource } from '../../registry/virtual-resource.js';

const GROUP = 'authentication.k8s.io';

/** Whose token is this? Asked by webhooks, nodes and aggregated servers. */
export function tokenReviewResource(tokens: TokenAuthenticator, audiences: readonly string[]): VirtualResource {
  return {
    group: GROUP,
    version: 'v1',
    resource: 'tokenreviews',
    subresource: '',
    kind: 'TokenReview',
    namespaced: false,
    async create({ object }) {
      const token = object['spec']?.token;
      if (!token) throw badRequest('token is required for TokenReview in authentication');
      const wanted: string[] = object['spec'].audiences?.length ? object['spec'].audiences : [...audiences];
      const status: Record<string, unknown> = {};
      try {
        const identity = await tokens.authenticateToken(token, wanted);
        if (identity) {
          status['authenticated'] = true;
          status['user'] = userInfoBody(identity.user);
          status['audiences'] = [...identity.audiences];
        } else {
          status['user'] = {};
          status['error'] = 'invalid bearer token';
        }
      } catch (error) {
        status['user'] = {};
        status['error'] = `[invalid bearer token, ${(error as Error).message}]`;
      }
      return { ...object, status };
    },
  };
}

/** Who am I? `kubectl auth whoami` */
export function selfSubjectReviewResource(clock: () => number = Date.now): VirtualResource {
  return {
    group: GROUP,
    version: 'v1',
    resource: 'selfsubjectreviews',
    subresource: '',
    kind: 'SelfSubjectReview',
    namespaced: false,
    create: ({ user }) => ({
      apiVersion: `${GROUP}/v1`,
      kind: 'SelfSubjectReview',
      metadata: { creationTimestamp: formatTime(new Date(clock())) },
      status: { userInfo: userInfoBody(user) },
    }),
  };
}
