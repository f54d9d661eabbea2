import { humanDuration } from '#apimachinery';
import { age, nameOf, none } from '../../../columns/cells.js';
import type { Cells, KindModule } from '../../../contract/kind-module.js';
import { anyName } from '../../../meta/names.js';
import { certificateSigningRequestStrategy } from './certificate-signing-request.strategy.js';
import { certificateSigningRequestValidator } from './certificate-signing-request.validation.js';

const cells: Cells = (csr, now) => [
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

export const certificateSigningRequestKind: KindModule = {
  group: 'certificates.k8s.io',
  version: 'v1',
  kind: 'CertificateSigningRequest',
  strategy: certificateSigningRequestStrategy,
  validator: certificateSigningRequestValidator,
  cells,
  nameFormat: anyName,
};
