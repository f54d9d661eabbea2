import { humanDuration } from '#apimachinery';
import { age, type Cells, labelList, nameOf, none } from '../../columns/cells.js';

const certificateSigningRequest: Cells = (csr, now) => [
  nameOf(csr),
  age(csr, now),
  csr.spec.signerName || none,
  csr.spec.username ?? '',
  csr.spec.expirationSeconds === undefined ? none : humanDuration(csr.spec.expirationSeconds * 1000),
  condition(csr),
];

function condition(csr: any): string {
  const types = new Set((csr.status?.conditions ?? []).map(({ type }: { type: string }) => type));
  const words = [types.has('Denied') ? 'Denied' : types.has('Approved') ? 'Approved' : 'Pending'];
  if (types.has('Failed')) words.push('Failed');
  if (csr.status?.certificate) words.push('Issued');
  return words.join(',');
}

const podCertificateRequest: Cells = (request) => {
  const final = (request.status?.conditions ?? []).findLast(({ type }: { type: string }) =>
    ['Issued', 'Denied', 'Failed'].includes(type),
  );
  const { podName, serviceAccountName, nodeName, signerName, unverifiedUserAnnotations } = request.spec;
  const who = [podName, serviceAccountName, nodeName, signerName];
  return [nameOf(request), ...who, final?.type ?? 'Pending', labelList(unverifiedUserAnnotations)];
};

export const certificatesCells: Readonly<Record<string, Cells>> = {
  CertificateSigningRequest: certificateSigningRequest,
  ClusterTrustBundle: (object) => [nameOf(object), object.spec.signerName || none],
  PodCertificateRequest: podCertificateRequest,
};
