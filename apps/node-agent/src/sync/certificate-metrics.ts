import type { MetricsRegistry } from '#telemetry';
import { CERTIFICATE_STATES } from './certificate-state.js';
import type { PodCertificates } from './pod-certificates.js';

/** Signers of one node that are told apart, at most. */
const SIGNERS = 100;

/** Kubelet's count of sources of volumes that hold certificates. */
export function registerCertificateMetrics(
  registry: MetricsRegistry,
  certificates: Pick<PodCertificates, 'counts'>,
): void {
  const gauge = registry.gauge({
    name: 'kubelet_podcertificate_states',
    help: 'Sources of projected volumes that hold certificates, by signer and state.',
    labels: { signer_name: SIGNERS, state: CERTIFICATE_STATES },
  });
  registry.onCollect(() => {
    gauge.clear();
    for (const { signerName, state } of certificates.counts()) gauge.cell(signerName, state).value += 1;
  });
}
