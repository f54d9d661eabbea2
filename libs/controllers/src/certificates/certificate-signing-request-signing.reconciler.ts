import { formatTime } from '#apimachinery';
import { type CertificateSigningRequest, gvr } from '#kinds';
import { type CertificateAuthority, type Controller, type ControllerContext, runtimeFor } from '../context.js';
import { controller } from '../controller.js';
import { hasCondition, requestText } from './certificate-requests.js';
import { signers, validityOf } from './certificate-signers.js';

/** Signs the approved requests for the signers of kubernetes.io with the cluster's authority. */
export function certificateSigningController(context: ControllerContext): Controller {
  const runtime = runtimeFor(context, 'certificate-controller');
  const { client, clock, informers, options } = runtime;
  const requests = informers.for<CertificateSigningRequest>(gvr.certificatesigningrequests);

  const write = (request: CertificateSigningRequest, status: CertificateSigningRequest['status']) =>
    client.update(
      gvr.certificatesigningrequests,
      '',
      { ...request, status: { ...request.status, ...status } },
      { subresource: 'status' },
    );

  async function sign(request: CertificateSigningRequest, authority: CertificateAuthority): Promise<void> {
    const { signerName, usages = [], expirationSeconds } = request.spec;
    const text = requestText(request);
    const message = signers[signerName]!(await authority.read(text), usages);
    const now = new Date(clock.now());
    if (message !== undefined) {
      const reason = 'SignerValidationFailure';
      const failed = { type: 'Failed', status: 'True', reason, message, lastUpdateTime: formatTime(now) };
      await write(request, { conditions: [...(request.status?.conditions ?? []), failed] });
      return;
    }
    const certificate = await authority.sign(text, usages, { ...validityOf(expirationSeconds, now.getTime()), now });
    await write(request, { certificate: Buffer.from(certificate).toString('base64') });
  }

  return controller('certificatesigningrequest-signing-controller', runtime)
    .for<CertificateSigningRequest>(gvr.certificatesigningrequests, {
      when: ({ spec }) => signers[spec.signerName] !== undefined,
    })
    .reconcile(async (key) => {
      const request = requests.getByKey(key);
      if (!request || request.metadata.deletionTimestamp || request.status?.certificate) return undefined;
      if (!hasCondition(request, 'Approved') || hasCondition(request, 'Denied')) return undefined;
      if (hasCondition(request, 'Failed') || !options.certificateAuthority) return undefined;
      await sign(request, options.certificateAuthority);
      return undefined;
    });
}
