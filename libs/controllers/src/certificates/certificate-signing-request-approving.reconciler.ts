import type { KubeObject } from '#apimachinery';
import { Backoff } from '#client';
import { type CertificateSigningRequest, gvr } from '#kinds';
import { type Controller, type ControllerContext, runtimeFor } from '../context.js';
import { controller } from '../controller.js';
import { hasCondition, requestText } from './certificate-requests.js';
import { KUBELET_CLIENT_SIGNER, kubeletClientProblem } from './certificate-signers.js';

/** Milliseconds before a request is looked at again whose sender may not have it approved yet. */
const REFUSED_BACKOFF = { initial: 200, factor: 2, max: 1_000_000, jitter: 0, resetAfter: 10_000_000 };

/** Who may have a kubelet's client certificate approved: `create` on this subresource of requests. */
const RECOGNIZERS = [
  {
    subresource: 'selfnodeclient',
    own: true,
    message: 'Auto approving self kubelet client certificate after SubjectAccessReview.',
  },
  {
    subresource: 'nodeclient',
    own: false,
    message: 'Auto approving kubelet client certificate after SubjectAccessReview.',
  },
];

/** Approves the client certificates that kubelets ask for, if their senders have the permission for that. */
export function certificateApprovingController(context: ControllerContext): Controller {
  const runtime = runtimeFor(context, 'certificate-controller');
  const { client, clock, informers, random, options } = runtime;
  const requests = informers.for<CertificateSigningRequest>(gvr.certificatesigningrequests);
  const refused = new Map<string, Backoff>();
  const authority = options.certificateAuthority;

  async function allows({ spec }: CertificateSigningRequest, subresource: string): Promise<boolean> {
    const resourceAttributes = {
      group: 'certificates.k8s.io',
      version: '*',
      resource: 'certificatesigningrequests',
      subresource,
      verb: 'create',
    };
    const review = await client.create<KubeObject>(gvr.subjectaccessreviews, '', {
      apiVersion: 'authorization.k8s.io/v1',
      kind: 'SubjectAccessReview',
      metadata: {},
      spec: { user: spec.username, uid: spec.uid, groups: spec.groups, extra: spec.extra, resourceAttributes },
    });
    return review['status']?.allowed === true;
  }

  async function approve(request: CertificateSigningRequest, message: string): Promise<void> {
    const approved = { type: 'Approved', status: 'True', reason: 'AutoApproved', message };
    const conditions = [...(request.status?.conditions ?? []), approved];
    const changed = { ...request, status: { ...request.status, conditions } };
    await client.update(gvr.certificatesigningrequests, '', changed, { subresource: 'approval' });
  }

  return controller('certificatesigningrequest-approving-controller', runtime)
    .for<CertificateSigningRequest>(gvr.certificatesigningrequests, {
      when: ({ spec }) => spec.signerName === KUBELET_CLIENT_SIGNER,
      observe: { delete: ({ metadata }) => void refused.delete(metadata.name!) },
    })
    .reconcile(async (key) => {
      const request = requests.getByKey(key);
      if (!request || !authority || request.status?.certificate || request.metadata.deletionTimestamp) return undefined;
      if (hasCondition(request, 'Approved') || hasCondition(request, 'Denied')) return undefined;
      const names = await authority.read(requestText(request));
      if (kubeletClientProblem(names, request.spec.usages ?? []) !== undefined) return undefined;
      const tried = RECOGNIZERS.filter(({ own }) => !own || request.spec.username === names.commonName);
      for (const { subresource, message } of tried) {
        if (await allows(request, subresource)) {
          refused.delete(key);
          await approve(request, message);
          return undefined;
        }
      }
      // A permission that comes later makes no event here.
      const backoff = refused.get(key) ?? new Backoff(REFUSED_BACKOFF, clock.now, random);
      refused.set(key, backoff);
      return { requeueAfter: backoff.step() };
    });
}
