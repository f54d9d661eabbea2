import { Module } from '@nestjs/common';
import { nodeUsageOverHttps } from '../http/proxy/node-usage-request.js';
import { provide } from '../injection/provide.js';
import { componentStatuses } from '../kinds/components/component-statuses.js';
import { usageMetrics } from '../kinds/usage/usage-metrics.js';
import { UsageScraper } from '../kinds/usage/usage-scraper.js';
import { PkiModule } from './pki.module.js';
import { StopSignal } from './stop-signal.js';
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

/** What is made when it is read: the usage of nodes and pods, and the health of components. */
@Module({
  imports: [PkiModule, StorageModule],
  providers: [
    StopSignal,
    provide(READ_NODE_USAGE, [NODE_CREDENTIALS, PROXY_NETWORK], (credentials, network) =>
      nodeUsageOverHttps(credentials, network),
    ),
    provide(
      UsageScraper,
      [LISTER, READ_NODE_USAGE, CLOCK, OPTIONS, StopSignal],
      (lister, read, clock, { logger }, { signal }) => new UsageScraper({ lister, read, clock, logger, signal }),
    ),
    provide(COMPUTED_RESOURCES, [UsageScraper, STORE, NOW], (scraper, store, now) => [
      ...usageMetrics(scraper, store, now),
      componentStatuses(store, now),
    ]),
  ],
  exports: [COMPUTED_RESOURCES],
})
export class ComputedModule {}
