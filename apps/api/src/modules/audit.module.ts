import { Injectable, Module, type OnApplicationShutdown } from '@nestjs/common';
import { MetricsRegistry } from '#telemetry';
import type { Auditor } from '../audit/auditor.js';
import { openAuditor } from '../audit/open-auditor.js';
import { provide } from '../injection/provide.js';
import type { ControlPlaneOptions } from './control-plane-options.js';
import { OPTIONS } from './tokens.js';

/** The audit log; without a policy and a back end there is none. */
@Injectable()
export class Audit implements OnApplicationShutdown {
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

  /** Nothing is served any more. Until now events are sent with all their attempts: the server may drain for long. */
  async onApplicationShutdown(): Promise<void> {
    this.stop.abort();
    await this.auditor?.close();
  }
}

@Module({
  providers: [provide(Audit, [OPTIONS, MetricsRegistry], Audit.open)],
  exports: [Audit],
})
export class AuditModule {}
