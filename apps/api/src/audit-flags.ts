import { parseDuration } from '#apimachinery';
import { SettingError, type Settings } from '#settings';
import type { AuditOptions } from './audit/open-auditor.js';

const MEGABYTE = 1024 * 1024;

/** Undefined without a policy, or without a back end: nothing is audited then, as in the reference. Throws SettingError. */
export function auditOptions(settings: Settings): AuditOptions | undefined {
  const { auditPolicyFile: policyFile, auditLogPath: path, auditWebhookConfigFile: configFile } = settings;
  const log = path === '' ? undefined : logOptions(settings, path);
  const webhook = configFile === '' ? undefined : webhookOptions(settings, configFile);
  if (policyFile === '' || !(log || webhook)) return undefined;
  return { policyFile, log, webhook };
}

function logOptions(settings: Settings, path: string): AuditOptions['log'] {
  checkSizes('log', settings.auditLogTruncateMaxEventSize, settings.auditLogTruncateMaxBatchSize);
  return {
    path,
    format: settings.auditLogFormat,
    rotation: {
      maxBytes: settings.auditLogMaxsize * MEGABYTE,
      maxBackups: settings.auditLogMaxbackup,
      maxAgeDays: settings.auditLogMaxage,
      compress: settings.auditLogCompress,
    },
    delivery: {
      mode: settings.auditLogMode,
      batch: {
        bufferSize: settings.auditLogBatchBufferSize,
        maxBatchSize: settings.auditLogBatchMaxSize,
        maxBatchWaitMs: parseDuration(settings.auditLogBatchMaxWait),
        throttle: settings.auditLogBatchThrottleEnable
          ? { qps: Number(settings.auditLogBatchThrottleQps), burst: settings.auditLogBatchThrottleBurst }
          : undefined,
        // Lines of one file wait for each other anyway.
        parallel: false,
      },
      truncate: settings.auditLogTruncateEnabled
        ? { maxEventSize: settings.auditLogTruncateMaxEventSize, maxBatchSize: settings.auditLogTruncateMaxBatchSize }
        : undefined,
    },
  };
}

function webhookOptions(settings: Settings, configFile: string): AuditOptions['webhook'] {
  const maxEventSize = settings.auditWebhookTruncateMaxEventSize;
  const maxBatchSize = settings.auditWebhookTruncateMaxBatchSize;
  checkSizes('webhook', maxEventSize, maxBatchSize);
  return {
    configFile,
    initialBackoffMs: parseDuration(settings.auditWebhookInitialBackoff),
    delivery: {
      mode: settings.auditWebhookMode,
      batch: {
        bufferSize: settings.auditWebhookBatchBufferSize,
        maxBatchSize: settings.auditWebhookBatchMaxSize,
        maxBatchWaitMs: parseDuration(settings.auditWebhookBatchMaxWait),
        throttle: settings.auditWebhookBatchThrottleEnable
          ? { qps: Number(settings.auditWebhookBatchThrottleQps), burst: settings.auditWebhookBatchThrottleBurst }
          : undefined,
        parallel: true,
      },
      truncate: settings.auditWebhookTruncateEnabled ? { maxEventSize, maxBatchSize } : undefined,
    },
  };
}

function checkSizes(plugin: string, event: number, batch: number): void {
  if (batch >= event) return;
  throw new SettingError(
    `invalid audit truncate ${plugin} max batch size ${batch}, must be greater than max event size (${event})`,
  );
}
