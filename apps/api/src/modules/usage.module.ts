import { Injectable, Module, type OnModuleDestroy } from '@nestjs/common';
import { nodeUsageOverHttps } from '../http/proxy/node-usage-request.js';
import { provide } from '../injection/provide.js';
import { usageMetrics } from '../kinds/usage/usage-metrics.js';
import { UsageScraper } from '../kinds/usage/usage-scraper.js';
import { PkiModule } from './pki.module.js';
import { StorageModule } from './storage.module.js';
import {
  CLOCK,
  COMPUTED_RESOURCES,
  LISTER,
  NODE_CREDENTIALS,
  NOW,
  OPTIONS,
  PROXY_NETWORK,
  READ_NODE_USAGE,
  STORE,
} from './tokens.js';

/** Ends the scrapes of nodes. */
@Injectable()
class Scraping implements OnModuleDestroy {
  private readonly stop = new AbortController();
  readonly signal = this.stop.signal;

  onModuleDestroy(): void {
    this.stop.abort();
  }
}

/** What nodes and pods use, as metrics.k8s.io shows it. */
@Module({
  imports: [PkiModule, StorageModule],
  providers: [
    Scraping,
    provide(READ_NODE_USAGE, [NODE_CREDENTIALS, PROXY_NETWORK], (credentials, network) =>
      nodeUsageOverHttps(credentials, network),
    ),
    provide(
      UsageScraper,
      [LISTER, READ_NODE_USAGE, CLOCK, OPTIONS, Scraping],
      (lister, read, clock, { logger }, { signal }) => new UsageScraper({ lister, read, clock, logger, signal }),
    ),
    provide(COMPUTED_RESOURCES, [UsageScraper, STORE, NOW], usageMetrics),
  ],
  exports: [COMPUTED_RESOURCES],
})
export class UsageModule {}
