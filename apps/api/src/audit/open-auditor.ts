import { type Logger, loadKubeconfig } from '#client';
import type { MetricsRegistry } from '#telemetry';
import { AuditMetrics } from './audit-metrics.js';
import { readAuditPolicy } from './audit-policy-file.js';
import { Auditor } from './auditor.js';
import { type AuditBackend, ignoringErrors, unionBackend } from './backends/audit-backend.js';
import { type BatchOptions, BufferedBackend } from './backends/buffered-backend.js';
import { type AuditLogFormat, LogBackend, standardOutput } from './backends/log-backend.js';
import { RotatedFile, type RotationOptions } from './backends/rotated-file.js';
import { type TruncateOptions, TruncatingBackend } from './backends/truncating-backend.js';
import { WebhookBackend } from './backends/webhook-backend.js';

export type AuditMode = 'batch' | 'blocking' | 'blocking-strict';

/** How events get to a back end. */
export interface DeliveryOptions {
  mode: AuditMode;
  batch: BatchOptions;
  /** Absent: events keep their size. */
  truncate?: TruncateOptions;
}

export interface AuditOptions {
  policyFile: string;
  /** `path` `-`: the standard output. */
  log?: { path: string; format: AuditLogFormat; rotation: RotationOptions; delivery: DeliveryOptions };
  webhook?: { configFile: string; initialBackoffMs: number; delivery: DeliveryOptions };
}

/** Rejects when the policy or a back end cannot be used. `stopping` is aborted when the server stops. */
export async function openAuditor(
  { policyFile, log, webhook }: AuditOptions,
  registry: MetricsRegistry,
  logger: Logger,
  stopping: AbortSignal,
): Promise<Auditor> {
  const policy = await readAuditPolicy(policyFile, (text) => logger.warn(text));
  const metrics = new AuditMetrics(registry, logger);
  const backends: AuditBackend[] = [];
  if (log) {
    const target = log.path === '-' ? standardOutput() : new RotatedFile(log.path, log.rotation);
    if (target instanceof RotatedFile) await target.prepare();
    backends.push(delivering(new LogBackend(target, log.format, metrics), log.delivery, metrics));
  }
  if (webhook) {
    const config = loadKubeconfig(webhook.configFile);
    const backend = new WebhookBackend(config, webhook.initialBackoffMs, metrics, stopping);
    backends.push(delivering(backend, webhook.delivery, metrics));
  }
  return new Auditor(policy, unionBackend(backends), metrics);
}

function delivering(
  backend: AuditBackend,
  { mode, batch, truncate }: DeliveryOptions,
  metrics: AuditMetrics,
): AuditBackend {
  const wrapped =
    mode === 'blocking-strict'
      ? backend
      : mode === 'blocking'
        ? ignoringErrors(backend)
        : new BufferedBackend(backend, batch, metrics);
  return truncate ? new TruncatingBackend(wrapped, truncate, metrics) : wrapped;
}
