import type { Cell, MetricsRegistry } from '#telemetry';
import { isWeakSignature, MissingNamesError } from './call-error.js';

/** Counts what is wrong with the certificates of webhooks: the reference's two metrics of habits that no client accepts any more. */
export class CertificateMetrics {
  private readonly missingNames: Cell;
  private readonly weakSignatures: Cell;

  constructor(metrics: MetricsRegistry) {
    this.missingNames = metrics
      .counter({
        name: 'apiserver_webhooks_x509_missing_san_total',
        help: 'Connections to webhooks that failed because the certificate has no subject alternative name.',
      })
      .cell();
    this.weakSignatures = metrics
      .counter({
        name: 'apiserver_webhooks_x509_insecure_sha1_total',
        help: 'Connections to webhooks that failed because the certificate is signed with SHA-1.',
      })
      .cell();
  }

  /** A connection failed for this reason. */
  count(error: Error): void {
    if (error instanceof MissingNamesError) this.missingNames.value += 1;
    else if (isWeakSignature(error)) this.weakSignatures.value += 1;
  }
}
