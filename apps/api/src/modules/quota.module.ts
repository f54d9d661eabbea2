import { Inject, Injectable, Module, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import { ResourceCatalog } from '#kinds';
import { provide } from '../injection/provide.js';
import { QuotaKeeper } from '../kinds/quotas/quota-keeper.js';
import { QuotaMeter } from '../kinds/quotas/quota-meter.js';
import { StorageModule } from './storage.module.js';
import { CLOCK, NOW, OPTIONS, STORE, WRITE_METER } from './tokens.js';

/** Runs the keeper as long as the server does. */
@Injectable()
class QuotaKeeping implements OnApplicationBootstrap, OnApplicationShutdown {
  private readonly stop = new AbortController();
  private running: Promise<void> | undefined;

  constructor(@Inject(QuotaKeeper) private readonly keeper: QuotaKeeper) {}

  onApplicationBootstrap(): void {
    this.running = this.keeper.run(this.stop.signal);
  }

  async onApplicationShutdown(): Promise<void> {
    this.stop.abort();
    await this.running;
  }
}

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
    QuotaKeeping,
  ],
  exports: [WRITE_METER],
})
export class QuotaModule {}
