import { labelList, nameOf } from '../../../columns/cells.js';
import type { Cells, KindModule } from '../../../contract/kind-module.js';
import { podCertificateRequestValidator } from './pod-certificate-request.validation.js';

const cells: Cells = (request) => {
  const final = (request.status?.conditions ?? []).findLast(({ type }: { type: string }) =>
    ['Issued', 'Denied', 'Failed'].includes(type),
  );
  const { podName, serviceAccountName, nodeName, signerName, unverifiedUserAnnotations } = request.spec;
  const who = [podName, serviceAccountName, nodeName, signerName];
  return [nameOf(request), ...who, final?.type ?? 'Pending', labelList(unverifiedUserAnnotations)];
};

export const podCertificateRequestKind: KindModule = {
  group: 'certificates.k8s.io',
  version: 'v1',
  kind: 'PodCertificateRequest',
  validator: podCertificateRequestValidator,
  cells,
  statusEndpointWrites: 'status',
};
