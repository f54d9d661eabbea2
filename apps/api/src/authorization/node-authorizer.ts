import { setImmediate as nextTurn } from 'node:timers/promises';
import { quote } from '#apimachinery';
import { nodeIdentity } from '../identity/users.js';
import type { AuthorizationAttributes, AuthorizationDecision, Authorizer } from './authorizer.js';
import type { NodeGraph, VertexKind } from './node-graph.js';
import { type PolicyRule, ruleAllows } from './policy-rule.js';

const ALLOW: AuthorizationDecision = { decision: 'Allow', reason: '' };
const NONE: AuthorizationDecision = { decision: 'NoOpinion', reason: '' };
const no = (reason: string): AuthorizationDecision => ({ decision: 'NoOpinion', reason });

type Answer = AuthorizationDecision | Promise<AuthorizationDecision>;

/**
 * What nodes may do: their own Node, Lease and CSINode, the pods bound to them, and what those pods name. Everything
 * else that all nodes need alike comes from `rules` (ClusterRole system:node). NodeRestriction looks at the content of
 * writes, which an authorizer cannot see.
 */
export class NodeAuthorizer implements Authorizer {
  constructor(
    private readonly graph: NodeGraph,
    private readonly rules: readonly PolicyRule[],
  ) {}

  authorize(attributes: AuthorizationAttributes): Answer {
    const { isNode, name: node } = nodeIdentity(attributes.user);
    if (!isNode) return NONE;
    if (node === '') return no(`unknown node for user ${quote(attributes.user.name)}`);
    if (attributes.resourceRequest) {
      const resource = attributes.group ? `${attributes.resource}.${attributes.group}` : attributes.resource;
      switch (resource) {
        case 'secrets':
          return this.readNamespaced(node, 'secret', attributes);
        case 'configmaps':
          return this.readNamespaced(node, 'configmap', attributes);
        case 'persistentvolumeclaims':
          return attributes.subresource === 'status'
            ? this.claimStatus(node, attributes)
            : this.get(node, 'pvc', attributes);
        case 'persistentvolumes':
          return this.get(node, 'pv', attributes);
        case 'resourceclaims.resource.k8s.io':
          return this.get(node, 'resourceclaim', attributes);
        case 'volumeattachments.storage.k8s.io':
          return this.get(node, 'volumeattachment', attributes);
        case 'serviceaccounts':
          return this.serviceAccount(node, attributes);
        case 'leases.coordination.k8s.io':
          return lease(node, attributes);
        case 'csinodes.storage.k8s.io':
          return csiNode(node, attributes);
        case 'resourceslices.resource.k8s.io':
          return this.resourceSlice(node, attributes);
        case 'podcertificaterequests.certificates.k8s.io':
          return this.podCertificateRequest(node, attributes);
        case 'nodes':
          return ownNode(node, attributes);
        case 'pods':
          return this.pod(node, attributes);
      }
    }
    return this.rules.some((rule) => ruleAllows(rule, attributes)) ? ALLOW : NONE;
  }

  /** The graph follows the caches a turn behind: a miss is looked at once more before it is the answer. */
  private related(node: string, kind: VertexKind, { namespace, name }: AuthorizationAttributes): Answer {
    if (name === '') return no('No Object name found');
    if (this.graph.reaches(node, kind, namespace, name)) return ALLOW;
    return nextTurn().then(() =>
      this.graph.reaches(node, kind, namespace, name)
        ? ALLOW
        : no(`no relationship found between node '${node}' and this object`),
    );
  }

  private readNamespaced(node: string, kind: VertexKind, attributes: AuthorizationAttributes): Answer {
    if (!['get', 'list', 'watch'].includes(attributes.verb)) return no('can only read resources of this type');
    if (attributes.subresource) return no('cannot read subresource');
    if (!attributes.namespace) return no('can only read namespaced object of this type');
    return this.related(node, kind, attributes);
  }

  private get(node: string, kind: VertexKind, attributes: AuthorizationAttributes): Answer {
    if (attributes.verb !== 'get') return no('can only get individual resources of this type');
    if (attributes.subresource) return no('cannot get subresource');
    return this.related(node, kind, attributes);
  }

  private claimStatus(node: string, attributes: AuthorizationAttributes): Answer {
    if (!['update', 'patch'].includes(attributes.verb)) return no('can only get/update/patch this type');
    return this.related(node, 'pvc', attributes);
  }

  private serviceAccount(node: string, attributes: AuthorizationAttributes): Answer {
    if (attributes.verb === 'get' && !attributes.subresource)
      return this.readNamespaced(node, 'serviceaccount', attributes);
    if (attributes.verb !== 'create' || !attributes.name) {
      return no('can only create tokens for individual service accounts');
    }
    if (attributes.subresource !== 'token') return no('can only create token subresource of serviceaccount');
    return this.related(node, 'serviceaccount', attributes);
  }

  private resourceSlice(node: string, attributes: AuthorizationAttributes): Answer {
    if (attributes.subresource) return no('cannot authorize ResourceSlice subresources');
    switch (attributes.verb) {
      case 'create':
        return ALLOW;
      case 'get':
      case 'update':
      case 'patch':
      case 'delete':
        return this.related(node, 'resourceslice', attributes);
      case 'watch':
      case 'list':
      case 'deletecollection':
        if (selectsNode(attributes, node)) return ALLOW;
        return no('can only list/watch/deletecollection resourceslices with nodeName field selector');
      default:
        return no(
          'only the following verbs are allowed for a ResourceSlice: get, watch, list, create, update, patch, delete, deletecollection',
        );
    }
  }

  private podCertificateRequest(node: string, attributes: AuthorizationAttributes): Answer {
    if (attributes.subresource) return no('nodes may not access the status subresource of PodCertificateRequests');
    switch (attributes.verb) {
      case 'create':
        return ALLOW;
      case 'get':
        return this.related(node, 'podcertificaterequest', attributes);
      case 'list':
      case 'watch':
        if (selectsNode(attributes, node)) return ALLOW;
        return no('can only list/watch podcertificaterequests with nodeName field selector');
      default:
        return no(`nodes may not ${attributes.verb} podcertificaterequests`);
    }
  }

  private pod(node: string, attributes: AuthorizationAttributes): Answer {
    const { verb, subresource } = attributes;
    if (subresource === 'status') return verb === 'update' || verb === 'patch' ? ALLOW : NONE;
    if (subresource === 'eviction') return verb === 'create' ? ALLOW : NONE;
    if (subresource !== '') return NONE;
    switch (verb) {
      case 'get':
        return this.get(node, 'pod', attributes);
      case 'list':
      case 'watch':
        if (selectsNode(attributes, node)) return ALLOW;
        if (attributes.name) return this.related(node, 'pod', attributes);
        return no('can only list/watch pods with spec.nodeName field selector');
      case 'create':
      case 'delete':
        // Mirror pods only: NodeRestriction sees to it.
        return ALLOW;
      default:
        return NONE;
    }
  }
}

function selectsNode(attributes: AuthorizationAttributes, node: string): boolean {
  return (attributes.fieldSelector ?? []).some(
    ({ key, operator, values }) =>
      key === 'spec.nodeName' && operator === 'In' && values.length === 1 && values[0] === node,
  );
}

function lease(node: string, { verb, namespace, name }: AuthorizationAttributes): AuthorizationDecision {
  if (!['get', 'create', 'update', 'patch', 'delete'].includes(verb)) {
    return no('can only get, create, update, patch, or delete a node lease');
  }
  if (namespace !== 'kube-node-lease') return no('can only access leases in the "kube-node-lease" system namespace');
  // The name is not known on create: NodeRestriction checks it there.
  if (verb !== 'create' && name !== node) {
    return no('can only access node lease with the same name as the requesting node');
  }
  return ALLOW;
}

function csiNode(node: string, { verb, subresource, name }: AuthorizationAttributes): AuthorizationDecision {
  if (subresource === 'status') return no('CSINode status access requires CSIVolumeHealth feature');
  if (subresource) return no('cannot authorize CSINode subresources');
  if (!['get', 'create', 'update', 'patch', 'delete'].includes(verb)) {
    return no('can only get, create, update, patch, or delete a CSINode');
  }
  if (verb !== 'create' && name !== node)
    return no('can only access CSINode with the same name as the requesting node');
  return ALLOW;
}

function ownNode(node: string, { verb, subresource, name }: AuthorizationAttributes): AuthorizationDecision {
  if (subresource === 'status') return verb === 'update' || verb === 'patch' ? ALLOW : NONE;
  if (subresource !== '') return NONE;
  switch (verb) {
    case 'create':
    case 'update':
    case 'patch':
      // Which node: NodeRestriction checks it.
      return ALLOW;
    case 'get':
    case 'list':
    case 'watch':
      if (name === node) return ALLOW;
      if (name === '') return no(`node '${node}' cannot read all nodes, only its own Node object`);
      return no(`node '${node}' cannot read '${name}', only its own Node object`);
    default:
      return NONE;
  }
}
