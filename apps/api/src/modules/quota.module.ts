import { Module } from '@nestjs/common';
import { ResourceCatalog } from '#kinds';
import { provide } from '../injection/provide.js';
import { QuotaKeeper } from '../kinds/quotas/quota-keeper.js';
import { QuotaMeter } from '../kinds/quotas/quota-meter.js';
import { BackgroundLoop } from './background-loop.js';
import { StorageModule } from './storage.module.js';
import { CLOCK, NOW, OPTIONS, STORE, WRITE_METER } from './tokens.js';

class QuotaLoop extends BackgroundLoop {}

/** Counts what ResourceQuotas limit. */
@Module({
  imports: [StorageModule],
  providers: [
    provide(
      QuotaKeeper,
      [STORE, ResourceCatalog, CLOCK, OPTIONS],
      (store, catalog, clock, { logger }) => new QuotaKeeper({ store, catalog, clock, logger }),
    ),
    provide(WRITE_METER, [OPTIONS, STORE, QuotaKeeper, NOW], ({ admissionPlugins }, store, keeper, now) => {
      const enforces = admissionPlugins?.has('ResourceQuota') ?? true;
      return new QuotaMeter(store, keeper, now, enforces);
    }),
    provide(
      QuotaLoop,
      [OPTIONS, QuotaKeeper],
      ({ logger }, keeper) => new QuotaLoop('ResourceQuotas', logger, async (signal) => keeper.start(signal)),
    ),
  ],
  exports: [WRITE_METER],
})
export class QuotaModule {}
