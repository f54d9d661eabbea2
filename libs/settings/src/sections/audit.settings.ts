import { parseDuration } from '#apimachinery';
import { IsOneOf, IsSwitch, IsText, IsWhole, Parses } from '../constraints.js';
import { NumberSetting, SwitchSetting, TextSetting } from '../setting.js';

export const AUDIT_MODES = ['batch', 'blocking', 'blocking-strict'] as const;
export const AUDIT_LOG_FORMATS = ['legacy', 'json'] as const;
const VERSIONS = ['audit.k8s.io/v1'] as const;

const PROGRAMS = { up: true, server: true } as const;

function checkDuration(text: string): void {
  if (parseDuration(text) < 0) throw new Error(`must not be negative: got ${text}`);
}

function checkRate(text: string): void {
  if (!(Number(text) > 0)) throw new Error(`must be a positive number: got ${text}`);
}

/** Which requests are recorded, and where: the reference's flags. */
export class AuditSettings {
  @IsText(/^(?:\/|$)/, 'must be an absolute path')
  @TextSetting({
    help: 'file of the kind Policy of audit.k8s.io/v1: which requests are recorded',
    argument: 'FILE',
    default: '',
    programs: PROGRAMS,
  })
  auditPolicyFile!: string;

  @IsText(/^(?:\/|-$|$)/, 'must be an absolute path, or -')
  @TextSetting({
    help: 'file that audit events are written to; - is the standard output',
    argument: 'FILE',
    default: '',
    programs: PROGRAMS,
  })
  auditLogPath!: string;

  @IsWhole(0)
  @NumberSetting({
    help: 'how long old audit logs are kept; 0: for ever',
    argument: 'DAYS',
    default: 366,
    programs: PROGRAMS,
  })
  auditLogMaxage!: number;

  @IsWhole(0)
  @NumberSetting({
    help: 'how many old audit logs are kept; 0: all',
    argument: 'NUMBER',
    default: 100,
    programs: PROGRAMS,
  })
  auditLogMaxbackup!: number;

  @IsWhole(0)
  @NumberSetting({
    help: 'size from which the audit log is rotated; 0: never',
    argument: 'MEGABYTES',
    default: 100,
    programs: PROGRAMS,
  })
  auditLogMaxsize!: number;

  @IsSwitch()
  @SwitchSetting({ help: 'compress old audit logs with gzip', default: false, programs: PROGRAMS })
  auditLogCompress!: boolean;

  @IsOneOf(AUDIT_LOG_FORMATS)
  @TextSetting({ help: 'format of the audit log: legacy, json', argument: 'NAME', default: 'json', programs: PROGRAMS })
  auditLogFormat!: (typeof AUDIT_LOG_FORMATS)[number];

  @IsOneOf(VERSIONS)
  @TextSetting({
    help: 'version of the events in the audit log',
    argument: 'VERSION',
    default: 'audit.k8s.io/v1',
    programs: PROGRAMS,
  })
  auditLogVersion!: string;

  @IsOneOf(AUDIT_MODES)
  @TextSetting({
    help: 'how events get in the audit log: batch, blocking, blocking-strict',
    argument: 'NAME',
    default: 'blocking',
    programs: PROGRAMS,
  })
  auditLogMode!: (typeof AUDIT_MODES)[number];

  @IsWhole(1)
  @NumberSetting({
    help: 'events that may wait, in mode batch',
    argument: 'NUMBER',
    default: 10000,
    programs: PROGRAMS,
  })
  auditLogBatchBufferSize!: number;

  @IsWhole(1)
  @NumberSetting({ help: 'events of a batch, in mode batch', argument: 'NUMBER', default: 1, programs: PROGRAMS })
  auditLogBatchMaxSize!: number;

  @Parses(checkDuration)
  @TextSetting({
    help: 'how long a batch that is not full waits',
    argument: 'DURATION',
    default: '0s',
    programs: PROGRAMS,
  })
  auditLogBatchMaxWait!: string;

  @IsSwitch()
  @SwitchSetting({ help: 'limit the rate of batches', default: false, programs: PROGRAMS })
  auditLogBatchThrottleEnable!: boolean;

  @Parses(checkRate)
  @TextSetting({ help: 'batches per second, on average', argument: 'NUMBER', default: '10', programs: PROGRAMS })
  auditLogBatchThrottleQps!: string;

  @IsWhole(1)
  @NumberSetting({ help: 'batches at once after a pause', argument: 'NUMBER', default: 15, programs: PROGRAMS })
  auditLogBatchThrottleBurst!: number;

  @IsSwitch()
  @SwitchSetting({ help: 'take the objects from events that are too large', default: false, programs: PROGRAMS })
  auditLogTruncateEnabled!: boolean;

  @IsWhole(1)
  @NumberSetting({
    help: 'size of a batch, if truncating is enabled',
    argument: 'BYTES',
    default: 10485760,
    programs: PROGRAMS,
  })
  auditLogTruncateMaxBatchSize!: number;

  @IsWhole(1)
  @NumberSetting({
    help: 'size of an event, if truncating is enabled',
    argument: 'BYTES',
    default: 102400,
    programs: PROGRAMS,
  })
  auditLogTruncateMaxEventSize!: number;

  @IsText(/^(?:\/|$)/, 'must be an absolute path')
  @TextSetting({
    help: 'kubeconfig of the server that audit events are sent to',
    argument: 'FILE',
    default: '',
    programs: PROGRAMS,
  })
  auditWebhookConfigFile!: string;

  @Parses(checkDuration)
  @TextSetting({
    help: 'pause after the first failed attempt to send events',
    argument: 'DURATION',
    default: '10s',
    programs: PROGRAMS,
  })
  auditWebhookInitialBackoff!: string;

  @IsOneOf(VERSIONS)
  @TextSetting({
    help: 'version of the events to the webhook',
    argument: 'VERSION',
    default: 'audit.k8s.io/v1',
    programs: PROGRAMS,
  })
  auditWebhookVersion!: string;

  @IsOneOf(AUDIT_MODES)
  @TextSetting({
    help: 'how events get to the webhook: batch, blocking, blocking-strict',
    argument: 'NAME',
    default: 'batch',
    programs: PROGRAMS,
  })
  auditWebhookMode!: (typeof AUDIT_MODES)[number];

  @IsWhole(1)
  @NumberSetting({
    help: 'events that may wait, in mode batch',
    argument: 'NUMBER',
    default: 10000,
    programs: PROGRAMS,
  })
  auditWebhookBatchBufferSize!: number;

  @IsWhole(1)
  @NumberSetting({ help: 'events of a batch, in mode batch', argument: 'NUMBER', default: 400, programs: PROGRAMS })
  auditWebhookBatchMaxSize!: number;

  @Parses(checkDuration)
  @TextSetting({
    help: 'how long a batch that is not full waits',
    argument: 'DURATION',
    default: '30s',
    programs: PROGRAMS,
  })
  auditWebhookBatchMaxWait!: string;

  @IsSwitch()
  @SwitchSetting({ help: 'limit the rate of batches', default: true, programs: PROGRAMS })
  auditWebhookBatchThrottleEnable!: boolean;

  @Parses(checkRate)
  @TextSetting({ help: 'batches per second, on average', argument: 'NUMBER', default: '10', programs: PROGRAMS })
  auditWebhookBatchThrottleQps!: string;

  @IsWhole(1)
  @NumberSetting({ help: 'batches at once after a pause', argument: 'NUMBER', default: 15, programs: PROGRAMS })
  auditWebhookBatchThrottleBurst!: number;

  @IsSwitch()
  @SwitchSetting({ help: 'take the objects from events that are too large', default: false, programs: PROGRAMS })
  auditWebhookTruncateEnabled!: boolean;

  @IsWhole(1)
  @NumberSetting({
    help: 'size of a batch, if truncating is enabled',
    argument: 'BYTES',
    default: 10485760,
    programs: PROGRAMS,
  })
  auditWebhookTruncateMaxBatchSize!: number;

  @IsWhole(1)
  @NumberSetting({
    help: 'size of an event, if truncating is enabled',
    argument: 'BYTES',
    default: 102400,
    programs: PROGRAMS,
  })
  auditWebhookTruncateMaxEventSize!: number;
}
