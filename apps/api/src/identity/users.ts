import type { UserInfo } from '#apimachinery';

/** The server itself, where it writes objects of its own. */
export const API_SERVER = 'system:apiserver';
export const ANONYMOUS = 'system:anonymous';
export const ALL_UNAUTHENTICATED = 'system:unauthenticated';
export const ALL_AUTHENTICATED = 'system:authenticated';
export const MASTERS_GROUP = 'system:masters';
export const NODES_GROUP = 'system:nodes';
/** This server towards nodes. It is nobody's user: see `createAuthenticator`. */
export const KUBELET_CLIENT = 'kube-apiserver-kubelet-client';
/** What serves Ingresses on the nodes; also its ClusterRole. */
export const INGRESS_PROXY = 'berth:ingress';
export const NODE_USER_PREFIX = 'system:node:';
export const SERVICE_ACCOUNT_USER_PREFIX = 'system:serviceaccount:';
export const ALL_SERVICE_ACCOUNTS = 'system:serviceaccounts';

/** Keys of `extra` that authentication sets. */
export const EXTRA = {
  podName: 'authentication.kubernetes.io/pod-name',
  podUid: 'authentication.kubernetes.io/pod-uid',
  nodeName: 'authentication.kubernetes.io/node-name',
  nodeUid: 'authentication.kubernetes.io/node-uid',
  credentialId: 'authentication.kubernetes.io/credential-id',
} as const;

export function serviceAccountUser(namespace: string, name: string): string {
  return `${SERVICE_ACCOUNT_USER_PREFIX}${namespace}:${name}`;
}

export function serviceAccountGroups(namespace: string): string[] {
  return [ALL_SERVICE_ACCOUNTS, `${ALL_SERVICE_ACCOUNTS}:${namespace}`];
}

/** Namespace and name of a ServiceAccount's user name; undefined for any other user. */
export function splitServiceAccountUser(user: string): { namespace: string; name: string } | undefined {
  if (!user.startsWith(SERVICE_ACCOUNT_USER_PREFIX)) return undefined;
  const parts = user.slice(SERVICE_ACCOUNT_USER_PREFIX.length).split(':');
  const [namespace, name] = parts;
  return parts.length === 2 && namespace && name ? { namespace, name } : undefined;
}

/**
 * Whether the user is a node, and which. A node is in system:nodes and named system:node:<name>;
 * `name` is '' when the user claims to be one without a usable name.
 */
export function nodeIdentity(user: UserInfo): { isNode: boolean; name: string } {
  if (!user.name.startsWith(NODE_USER_PREFIX)) return { isNode: false, name: '' };
  if (!user.groups.includes(NODES_GROUP)) return { isNode: false, name: '' };
  return { isNode: true, name: user.name.slice(NODE_USER_PREFIX.length) };
}

/** Authenticated users are in system:authenticated, unless their groups already say on which side they are. */
export function withAuthenticatedGroup(user: UserInfo): UserInfo {
  if (user.name === ANONYMOUS || user.groups.includes(ALL_AUTHENTICATED) || user.groups.includes(ALL_UNAUTHENTICATED)) {
    return Object.freeze(user);
  }
  return Object.freeze({ ...user, groups: [...user.groups, ALL_AUTHENTICATED] });
}

/** authentication.k8s.io/v1 UserInfo, as reviews answer it. */
export function userInfoBody(user: UserInfo): Record<string, unknown> {
  return {
    username: user.name,
    ...(user.uid ? { uid: user.uid } : undefined),
    ...(user.groups.length > 0 ? { groups: [...user.groups] } : undefined),
    ...(user.extra && Object.keys(user.extra).length > 0 ? { extra: { ...user.extra } } : undefined),
  };
}

/** Follows what NetworkPolicies select, for the nodes that enforce them: nodes themselves see their own pods only. */
export const NODE_NETWORK = 'system:berth:node-network';
