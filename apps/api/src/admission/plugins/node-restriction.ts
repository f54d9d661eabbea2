import { deepEqual, type KubeObject, notFound, ownValue, quote, semanticEqual } from '#apimachinery';
import { apiObjectReference, MIRROR_POD_ANNOTATION } from '#kinds';
import type { Authorizer } from '../../authorization/authorizer.js';
import { nodeIdentity } from '../../identity/users.js';
import type { Lister } from '../../storage/lister.js';
import type { AdmissionPlugin, AdmissionRequest, AdmissionTarget } from '../admission-request.js';
import { requestedNames } from '../certificate-signers.js';
import { forbiddenNodeLabels, modifiedLabels } from '../node-labels.js';
import { rejection } from '../rejection.js';
import { checkPodCertificateRequest, checkTokenAudience } from './node-token-restriction.js';

const RESOURCES = new Set([
  '/pods',
  '/nodes',
  '/persistentvolumeclaims',
  '/serviceaccounts',
  'coordination.k8s.io/leases',
  'storage.k8s.io/csinodes',
  'resource.k8s.io/resourceslices',
  'certificates.k8s.io/certificatesigningrequests',
  'certificates.k8s.io/podcertificaterequests',
]);

/** What a node may write: the Node authorizer says which objects, this plugin says what in them. */
export class NodeRestriction implements AdmissionPlugin {
  readonly name = 'NodeRestriction';

  constructor(
    private readonly lister: Lister,
    private readonly authorizer: Authorizer,
  ) {}

  handles({ operation, resource }: AdmissionTarget): boolean {
    return operation !== 'CONNECT' && RESOURCES.has(`${resource.group}/${resource.resource}`);
  }

  admit(request: AdmissionRequest): void | Promise<void> {
    const { isNode, name: node } = nodeIdentity(request.user);
    if (!isNode) return;
    if (node === '') throw rejection(request, `could not determine node from user ${quote(request.user.name)}`);
    const { resource, subresource } = request;
    switch (`${resource.group}/${resource.resource}`) {
      case '/pods':
        return this.admitPods(node, request);
      case '/nodes':
        return admitNode(node, request);
      case '/persistentvolumeclaims':
        if (subresource !== 'status') throw rejection(request, 'may only update PVC status');
        return admitClaimStatus(node, request);
      case '/serviceaccounts':
        return this.admitToken(node, request);
      case 'coordination.k8s.io/leases':
        return admitLease(node, request);
      case 'storage.k8s.io/csinodes':
        return admitCsiNode(node, request);
      case 'resource.k8s.io/resourceslices':
        return admitResourceSlice(node, request);
      case 'certificates.k8s.io/podcertificaterequests':
        return checkPodCertificateRequest(node, request, this.lister, this.authorizer);
      default:
        return admitCertificateRequest(node, request);
    }
  }

  private admitPods(node: string, request: AdmissionRequest): void {
    switch (request.subresource) {
      case '':
        this.admitPod(node, request);
        return;
      case 'status':
        admitPodStatus(node, request);
        return;
      case 'eviction':
        this.admitEviction(node, request);
        return;
      default:
        throw rejection(
          request,
          `unexpected pod subresource ${quote(request.subresource)}, only 'status' and 'eviction' are allowed`,
        );
    }
  }

  private admitPod(node: string, request: AdmissionRequest): void {
    const { operation, namespace, name } = request;
    if (operation === 'CREATE') {
      this.admitMirrorPod(node, request);
      return;
    }
    if (operation !== 'DELETE') {
      const why = `unexpected operation ${quote(operation)}, node ${quote(node)} can only create and delete mirror pods`;
      throw rejection(request, why);
    }
    const pod = request.oldObject ?? this.lister.get('pods', namespace, name);
    if (!pod) throw notFound({ group: '', resource: 'pods' }, name);
    if (pod['spec']?.nodeName !== node) {
      throw rejection(request, `node ${quote(node)} can only delete pods with spec.nodeName set to itself`);
    }
  }

  private admitMirrorPod(node: string, request: AdmissionRequest): void {
    const pod = request.object!;
    const who = `node ${quote(node)}`;
    const refuse = (why: string): never => {
      throw rejection(request, why);
    };
    if (pod.metadata.annotations?.[MIRROR_POD_ANNOTATION] === undefined) {
      refuse(`pod does not have ${quote(MIRROR_POD_ANNOTATION)} annotation, ${who} can only create mirror pods`);
    }
    if (pod['spec']?.nodeName !== node) refuse(`${who} can only create pods with spec.nodeName set to itself`);
    const owners = pod.metadata.ownerReferences ?? [];
    if (owners.length > 1) refuse(`${who} can only create pods with a single owner reference set to itself`);
    const owner = owners[0];
    if (owner?.apiVersion !== 'v1' || owner.kind !== 'Node' || owner.name !== node) {
      throw rejection(request, `${who} can only create pods with an owner reference set to itself`);
    }
    if (!owner.controller) refuse(`${who} can only create pods with a controller owner reference set to itself`);
    if (owner.blockOwnerDeletion) refuse(`${who} must not set blockOwnerDeletion on an owner reference`);
    const found = this.lister.get('nodes', '', node);
    if (!found) throw notFound({ group: '', resource: 'nodes' }, node);
    if (owner.uid !== found.metadata.uid) {
      refuse(`node ${node} UID mismatch: expected ${owner.uid} got ${found.metadata.uid}`);
    }
    const reference = apiObjectReference(pod);
    if (reference) refuse(`${who} can not create pods that reference ${reference}`);
  }

  private admitEviction(node: string, request: AdmissionRequest): void {
    const { operation, namespace } = request;
    if (operation !== 'CREATE') throw rejection(request, `unexpected operation ${operation}`);
    const name = request.name || request.object?.metadata.name;
    if (!name) throw rejection(request, 'could not determine pod from request data');
    const pod = this.lister.get('pods', namespace, name);
    if (!pod) throw notFound({ group: '', resource: 'pods' }, name);
    if (pod['spec']?.nodeName !== node) {
      throw rejection(request, `node ${node} can only evict pods with spec.nodeName set to itself`);
    }
  }

  /** A node gets tokens for the pods that it runs, and for nothing else. */
  private admitToken(node: string, request: AdmissionRequest): void | Promise<void> {
    if (request.operation !== 'CREATE' || request.subresource !== 'token') return;
    const spec = request.object!['spec'] ?? {};
    const ref = spec.boundObjectRef;
    if (ref?.apiVersion !== 'v1' || ref.kind !== 'Pod' || !ref.name) {
      throw rejection(request, 'node requested token not bound to a pod');
    }
    if (!ref.uid) throw rejection(request, 'node requested token with a pod binding without a uid');
    const pod = this.lister.get('pods', request.namespace, ref.name);
    if (!pod) throw notFound({ group: '', resource: 'pods' }, ref.name);
    if (ref.uid !== pod.metadata.uid) {
      throw rejection(
        request,
        `the UID in the bound object reference (${ref.uid}) does not match the UID in record. The object might have been deleted and then recreated`,
      );
    }
    if (pod['spec']?.nodeName !== node) {
      throw rejection(request, 'node requested token bound to a pod scheduled on a different node');
    }
    return checkTokenAudience(request, pod, spec.audiences ?? [], this.lister, this.authorizer);
  }
}

function admitPodStatus(node: string, request: AdmissionRequest): void {
  const { operation, object, oldObject } = request;
  if (operation !== 'UPDATE') throw rejection(request, `unexpected operation ${quote(operation)}`);
  const who = `node ${quote(node)}`;
  if (oldObject!['spec']?.nodeName !== node) {
    throw rejection(request, `${who} can only update pod status for pods with spec.nodeName set to itself`);
  }
  if (!deepEqual(oldObject!.metadata.labels ?? {}, object!.metadata.labels ?? {})) {
    throw rejection(request, `${who} cannot update labels through pod status`);
  }
  const unchanged = (field: string) =>
    semanticEqual(ownValue(oldObject!['status'], field), ownValue(object!['status'], field));
  if (!unchanged('resourceClaimStatuses')) {
    throw rejection(request, `${who} cannot update resource claim statues`);
  }
  if (!unchanged('extendedResourceClaimStatus')) {
    throw rejection(request, `${who} cannot update extended resource claim status`);
  }
  if (!unchanged('nodeAllocatableResourceClaimStatuses')) {
    throw rejection(request, `${who} cannot update node allocatable resource claim statuses`);
  }
}

function admitNode(node: string, request: AdmissionRequest): void {
  const { operation, object, oldObject } = request;
  const name = request.name || object?.metadata.name || '';
  const who = `node ${quote(node)} is not allowed to`;
  if (name !== node) throw rejection(request, `${who} modify node ${quote(name)}`);
  if (operation === 'CREATE') {
    if (object!['spec']?.configSource) throw rejection(request, `${who} create pods with a non-nil configSource`);
    const labels = forbiddenNodeLabels(modifiedLabels(object!.metadata.labels, undefined));
    if (labels.length > 0) throw rejection(request, `${who} set the following labels: ${labels.join(', ')}`);
  }
  if (operation === 'UPDATE') {
    const [spec, oldSpec] = [object!['spec'] ?? {}, oldObject!['spec'] ?? {}];
    if (spec.configSource && !semanticEqual(spec.configSource, oldSpec.configSource)) {
      throw rejection(request, `${who} update configSource to a new non-nil configSource`);
    }
    if (!semanticEqual(spec.taints, oldSpec.taints)) throw rejection(request, `${who} modify taints`);
    if (!semanticEqual(object!.metadata.ownerReferences, oldObject!.metadata.ownerReferences)) {
      throw rejection(request, `${who} modify ownerReferences`);
    }
    const labels = forbiddenNodeLabels(modifiedLabels(object!.metadata.labels, oldObject!.metadata.labels));
    if (labels.length > 0) throw rejection(request, `is not allowed to modify labels: ${labels.join(', ')}`);
  }
}

function admitClaimStatus(node: string, request: AdmissionRequest): void {
  const { operation, object, oldObject } = request;
  if (operation !== 'UPDATE') throw rejection(request, `unexpected operation ${quote(operation)}`);
  const rest = ({ metadata, status, ...other }: KubeObject) => {
    const { resourceVersion: _, managedFields: __, ...meta } = metadata;
    const {
      capacity: ___,
      conditions: ____,
      allocatedResources: _5,
      allocatedResourceStatuses: _6,
      ...state
    } = status ?? {};
    return { ...other, metadata: meta, status: state };
  };
  if (!semanticEqual(rest(object!), rest(oldObject!))) {
    const why = `node ${quote(node)} is not allowed to update fields other than status.quantity and status.conditions`;
    throw rejection(request, why);
  }
}

function admitLease(node: string, request: AdmissionRequest): void {
  if (request.namespace !== 'kube-node-lease') {
    throw rejection(request, 'can only access leases in the "kube-node-lease" system namespace');
  }
  if (ownName(request) !== node) {
    throw rejection(request, 'can only access node lease with the same name as the requesting node');
  }
}

function admitCsiNode(node: string, request: AdmissionRequest): void {
  if (ownName(request) !== node) {
    throw rejection(request, 'can only access CSINode with the same name as the requesting node');
  }
  if (request.subresource === 'status') throw rejection(request, 'CSIVolumeHealth feature gate is disabled');
}

function admitResourceSlice(node: string, request: AdmissionRequest): void {
  const { operation, object, oldObject } = request;
  const of = (slice: KubeObject | undefined) => slice?.['spec']?.nodeName;
  if (operation === 'CREATE' && of(object) !== node) {
    throw rejection(request, 'can only create ResourceSlice with the same NodeName as the requesting node');
  }
  if (operation === 'DELETE' && of(oldObject) !== node) {
    throw rejection(request, 'can only delete ResourceSlice with the same NodeName as the requesting node');
  }
}

const KUBELET_SIGNERS = ['kubernetes.io/kubelet-serving', 'kubernetes.io/kube-apiserver-client-kubelet'];

async function admitCertificateRequest(node: string, request: AdmissionRequest): Promise<void> {
  const spec = request.object?.['spec'];
  if (request.operation !== 'CREATE' || !KUBELET_SIGNERS.includes(spec?.signerName)) return;
  let commonName: string;
  try {
    commonName = (await requestedNames(spec.request)).commonName;
  } catch (error) {
    throw rejection(request, `unable to parse csr: ${(error as Error).message}`);
  }
  if (commonName !== `system:node:${node}`) {
    throw rejection(request, `can only create a node CSR with CN=system:node:${node}`);
  }
}

/** On create the path has no name: the object's own counts. */
function ownName({ operation, name, object }: AdmissionRequest): string {
  return operation === 'CREATE' ? (object!.metadata.name ?? '') : name;
}
