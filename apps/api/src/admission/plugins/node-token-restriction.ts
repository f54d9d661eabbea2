import { type KubeObject, notFound, quote } from '#apimachinery';
import { MIRROR_POD_ANNOTATION } from '#kinds';
import type { Authorizer } from '../../authorization/authorizer.js';
import type { Lister } from '../../storage/lister.js';
import type { AdmissionRequest } from '../admission-request.js';
import { rejection } from '../rejection.js';

/** A node may ask for the audiences that its pod mounts, or that its pod's CSI drivers want, or that RBAC grants it. */
export function checkTokenAudience(
  request: AdmissionRequest,
  pod: KubeObject,
  audiences: readonly string[],
  lister: Lister,
  authorizer: Authorizer,
): void | Promise<void> {
  if (audiences.length > 1) throw rejection(request, 'node may only request 0 or 1 audiences');
  const audience = audiences[0] ?? '';
  if (podWantsAudience(pod, audience, lister)) return;
  const user = request.user.name;
  return authorized(request, authorizer, 'request-serviceaccounts-token-audience', audience, request.name).then(
    (allowed) => {
      if (!allowed)
        throw rejection(request, `${user} is not authorized to request tokens for audience ${quote(audience)}`);
    },
  );
}

function podWantsAudience(pod: KubeObject, audience: string, lister: Lister): boolean {
  const namespace = pod.metadata.namespace ?? '';
  for (const volume of pod['spec']?.volumes ?? []) {
    for (const { serviceAccountToken } of volume.projected?.sources ?? []) {
      if (serviceAccountToken && (serviceAccountToken.audience ?? '') === audience) return true;
    }
    const claim = volume.ephemeral ? `${pod.metadata.name}-${volume.name}` : volume.persistentVolumeClaim?.claimName;
    const driver: string | undefined = volume.csi?.driver ?? (claim && driverOfClaim(namespace, claim, lister));
    if (!driver) continue;
    const requests = lister.get('storage.k8s.io/csidrivers', '', driver)?.['spec']?.tokenRequests ?? [];
    if (requests.some((request: { audience: string }) => request.audience === audience)) return true;
  }
  return false;
}

function driverOfClaim(namespace: string, claim: string, lister: Lister): string | undefined {
  const volume = lister.get('persistentvolumeclaims', namespace, claim)?.['spec']?.volumeName;
  return volume ? lister.get('persistentvolumes', '', volume)?.['spec']?.csi?.driver : undefined;
}

/** A certificate for a pod is asked for by the node that runs it, with every identity in it right. */
export async function checkPodCertificateRequest(
  nodeName: string,
  request: AdmissionRequest,
  lister: Lister,
  authorizer: Authorizer,
): Promise<void> {
  const { operation, subresource, namespace } = request;
  if (operation !== 'CREATE') throw rejection(request, `unexpected operation ${operation}`);
  if (subresource !== '') throw rejection(request, `unexpected subresource ${subresource}`);
  const spec = request.object!['spec'] ?? {};
  const which = quote(`${namespace}/${spec.podName}`);
  if (spec.nodeName !== nodeName) {
    const why = `PodCertificateRequest.Spec.NodeName=${quote(spec.nodeName ?? '')}, which is not the requesting node ${quote(nodeName)}`;
    throw rejection(request, why);
  }
  const node = lister.get('nodes', '', nodeName);
  if (!node) throw notFound({ group: '', resource: 'nodes' }, nodeName);
  if (node.metadata.uid !== spec.nodeUID) {
    const why = `PodCertificateRequest for pod ${which} names node UID ${quote(spec.nodeUID ?? '')}, inconsistent with the running node (${quote(node.metadata.uid ?? '')})`;
    throw rejection(request, why);
  }
  const pod = lister.get('pods', namespace, spec.podName ?? '');
  if (!pod) throw notFound({ group: '', resource: 'pods' }, spec.podName ?? '');
  if (pod.metadata.uid !== spec.podUID) {
    const why = `PodCertificateRequest for pod ${which} contains pod UID (${quote(spec.podUID ?? '')}) which differs from running pod ${quote(pod.metadata.uid ?? '')}`;
    throw rejection(request, why);
  }
  if (pod['spec']?.nodeName !== nodeName) {
    throw rejection(
      request,
      `pod ${which} is not running on node ${quote(nodeName)} named in the PodCertificateRequest`,
    );
  }
  if (pod.metadata.annotations?.[MIRROR_POD_ANNOTATION] !== undefined) {
    throw rejection(request, `pod ${which} is a mirror pod`);
  }
  const account: string = pod['spec']?.serviceAccountName ?? '';
  if (spec.serviceAccountName !== account) {
    const why = `PodCertificateRequest for pod ${which} contains serviceAccountName (${quote(spec.serviceAccountName ?? '')}) that differs from running pod (${quote(account)})`;
    throw rejection(request, why);
  }
  const found = lister.get('serviceaccounts', namespace, account);
  if (!found) throw notFound({ group: '', resource: 'serviceaccounts' }, account);
  if (found.metadata.uid !== spec.serviceAccountUID) {
    const why = `PodCertificateRequest for pod ${which} names service account UID ${quote(spec.serviceAccountUID ?? '')}, which differs from the running service account (${quote(found.metadata.uid ?? '')})`;
    throw rejection(request, why);
  }
  const signer: string = spec.signerName ?? '';
  const mounted = (pod['spec']?.volumes ?? []).some((volume: any) =>
    (volume.projected?.sources ?? []).some((source: any) => source.podCertificate?.signerName === signer),
  );
  if (mounted) return;
  // RBAC names hold no slashes.
  const resource = signer.replaceAll('/', ':');
  const verb = 'request-serviceaccounts-podcertificate-signer';
  if (await authorized(request, authorizer, verb, resource, account)) return;
  const why = `pod ${which} does not mount a podCertificate projected volume for signer ${quote(signer)}`;
  throw rejection(request, why);
}

async function authorized(
  { user, resource: { group, version }, namespace }: AdmissionRequest,
  authorizer: Authorizer,
  verb: string,
  resource: string,
  name: string,
): Promise<boolean> {
  const { decision } = await authorizer.authorize({
    user,
    verb,
    resourceRequest: true,
    group,
    version,
    resource,
    subresource: '',
    namespace,
    name,
    path: '',
  });
  return decision === 'Allow';
}
