import { Injectable, Module, type OnApplicationShutdown, type OnModuleDestroy } from '@nestjs/common';
import { MetricsRegistry } from '#telemetry';
import type { Auditor } from '../audit/auditor.js';
import { openAuditor } from '../audit/open-auditor.js';
import { provide } from '../injection/provide.js';
import type { ControlPlaneOptions } from './control-plane-options.js';
import { OPTIONS } from './tokens.js';

/** The audit log; without a policy and a back end there is none. */
@Injectable()
export class Audit implements OnModuleDestroy, OnApplicationShutdown {
  constructor(
    readonly auditor: Auditor | undefined,
    private readonly stop: AbortController,
  ) {}

  /** Rejects when the policy or a back end cannot be used. */
  static async open({ audit, logger }: ControlPlaneOptions, metrics: MetricsRegistry): Promise<Audit> {
    const stop = new AbortController();
    const auditor = audit && (await openAuditor(audit, metrics, logger, stop.signal));
    return new Audit(auditor, stop);
  }

  onModuleDestroy(): void {
    this.stop.abort();
  }

  /** Nothing is served any more. */
  async onApplicationShutdown(): Promise<void> {
    await this.auditor?.close();
  }
}

@Module({
  providers: [provide(Audit, [OPTIONS, MetricsRegistry], Audit.open)],
  exports: [Audit],
})
export class AuditModule {}
