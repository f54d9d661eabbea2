import { Inject, Injectable, Module, type OnApplicationShutdown } from '@nestjs/common';
import { MetricsRegistry } from '#telemetry';
import { provide } from '../injection/provide.js';
import { CertificateMetrics } from '../webhook-client/certificate-metrics.js';
import { WebhookClient } from '../webhook-client/webhook-client.js';
import { StorageModule } from './storage.module.js';
import { LISTER, PROXY_NETWORK } from './tokens.js';

/** Ends what calls webhooks. */
@Injectable()
export class WebhookCalls implements OnApplicationShutdown {
  private readonly stop = new AbortController();
  readonly signal = this.stop.signal;

  constructor(@Inject(WebhookClient) private readonly client: WebhookClient) {}

  onApplicationShutdown(): void {
    this.stop.abort();
    this.client.close();
  }
}

/** The one client of all webhooks, so that they share connections. */
@Module({
  imports: [StorageModule],
  providers: [
    provide(
      WebhookClient,
      [LISTER, PROXY_NETWORK, MetricsRegistry],
      (lister, network, metrics) => new WebhookClient(lister, network, new CertificateMetrics(metrics)),
    ),
    WebhookCalls,
  ],
  exports: [WebhookClient, WebhookCalls],
})
export class WebhookModule {}
