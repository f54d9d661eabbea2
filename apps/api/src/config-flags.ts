import { networkInterfaces } from 'node:os';
import { parseDuration } from '#apimachinery';
import {
  type AdmissionPluginName,
  type COMPONENTS,
  type DISABLEABLE,
  enabledAdmissionPlugins,
  environmentLayer,
  flagLayer,
  flagsOf,
  parseFlags,
  programUsage,
  resolveSettings,
  SettingError,
  type Settings,
  splitList,
} from '#settings';
import type { LogOptions, TracingOptions } from '#telemetry';
import {
  type AuthenticationFlags,
  type AuthorizationFlags,
  authenticationFlags,
  authorizationFlags,
} from './access-flags.js';
import type { AuditOptions } from './audit/open-auditor.js';
import { auditOptions } from './audit-flags.js';

/** Settings of the server process. */
export interface ServerConfig {
  dataDir: string;
  bindAddress: string;
  securePort: number;
  advertiseAddress: string;
  databaseUrl: string;
  /** Other servers use the database as well: each consistent read asks it. */
  sharedDatabase: boolean;
  serviceClusterIpRange: string;
  clusterCidr: string;
  clusterDomain: string;
  clusterDnsPort: number;
  serviceNodePortRange: string;
  localNode: { name: string; ip: string } | undefined;
  components: ReadonlySet<Component>;
  /** The admission plugins that run. */
  admissionPlugins: ReadonlySet<AdmissionPluginName>;
  /** Path of an AdmissionConfiguration; '': none. */
  admissionControlConfigFile: string;
  authentication: AuthenticationFlags;
  authorization: AuthorizationFlags;
  shutdown: { delayMs: number; sendRetryAfter: boolean };
  priorityAndFairness: boolean;
  /** Requests under way at a time, 0 being any number; with priority and fairness the seats of the server, together. */
  maxInflight: { reads: number; writes: number };
  /** Absent: nothing is audited. */
  audit?: AuditOptions;
  /** Parts that the cluster is to be without. */
  disabled: ReadonlySet<DisabledPart>;
  logging: LogOptions;
  /** Make OpenTelemetry spans. */
  tracing: boolean;
  /** Where spans are sent; absent: they are made for an SDK that was loaded with the process, or not at all. */
  traceExport?: Pick<TracingOptions, 'endpoint' | 'samplingRatePerMillion'>;
}

export type Component = (typeof COMPONENTS)[number];
export type DisabledPart = (typeof DISABLEABLE)[number];

/** The text of --help. */
export function usage(): string {
  return programUsage('server', 'server [flags]', 'The API server, controllers and scheduler of a Berth cluster.');
}

/** Undefined when help was asked for. Throws SettingError, whose message names the flag. */
export function parseConfig(args: readonly string[], env: NodeJS.ProcessEnv): ServerConfig | undefined {
  const { values, warnings } = parseFlags(flagsOf('server'), args);
  if (values.help) return undefined;
  for (const warning of warnings) process.stderr.write(`${warning}\n`);
  return configOf(resolveSettings('server', [flagLayer('server', values), environmentLayer('server', env)]));
}

function configOf(settings: Settings): ServerConfig {
  if (!settings.databaseUrl) throw new SettingError('--database-url is required (or DATABASE_URL in the environment)');
  const advertiseAddress = settings.advertiseAddress ?? ownAddress();
  const { nodeName, nodeIp } = settings;
  return {
    dataDir: settings.dataDir,
    bindAddress: settings.bindAddress,
    securePort: settings.securePort,
    advertiseAddress,
    databaseUrl: settings.databaseUrl,
    sharedDatabase: settings.sharedDatabase,
    serviceClusterIpRange: settings.serviceClusterIpRange,
    clusterCidr: settings.clusterCidr,
    clusterDomain: settings.clusterDomain,
    clusterDnsPort: settings.dnsPort,
    serviceNodePortRange: settings.serviceNodePortRange,
    localNode: nodeName ? { name: nodeName, ip: nodeIp ?? advertiseAddress } : undefined,
    components: new Set(splitList(settings.components) as Component[]),
    admissionPlugins: admissionPlugins(settings),
    admissionControlConfigFile: settings.admissionControlConfigFile,
    authentication: authenticationFlags(settings),
    authorization: authorizationFlags(settings),
    shutdown: {
      delayMs: parseDuration(settings.shutdownDelayDuration),
      sendRetryAfter: settings.shutdownSendRetryAfter,
    },
    priorityAndFairness: settings.enablePriorityAndFairness,
    maxInflight: maxInflight(settings),
    audit: auditOptions(settings),
    disabled: new Set(splitList(settings.disable) as DisabledPart[]),
    tracing: settings.tracing,
    traceExport: settings.tracingEndpoint
      ? { endpoint: settings.tracingEndpoint, samplingRatePerMillion: settings.tracingSamplingRatePerMillion }
      : undefined,
    logging: { format: settings.loggingFormat, level: settings.logLevel },
  };
}

function maxInflight({ maxRequestsInflight, maxMutatingRequestsInflight, enablePriorityAndFairness }: Settings) {
  if (enablePriorityAndFairness && maxRequestsInflight + maxMutatingRequestsInflight === 0) {
    throw new SettingError(
      '--max-requests-inflight and --max-mutating-requests-inflight are both 0: priority and fairness has nothing to divide',
    );
  }
  return { reads: maxRequestsInflight, writes: maxMutatingRequestsInflight };
}

/** The first address of this machine that others may reach; loopback when there is none. */
function ownAddress(): string {
  for (const addresses of Object.values(networkInterfaces())) {
    const found = addresses?.find((item) => item.family === 'IPv4' && !item.internal);
    if (found) return found.address;
  }
  return '127.0.0.1';
}

function admissionPlugins({
  enableAdmissionPlugins,
  disableAdmissionPlugins,
}: Settings): ReadonlySet<AdmissionPluginName> {
  const enable = splitList(enableAdmissionPlugins) as AdmissionPluginName[];
  const disable = splitList(disableAdmissionPlugins) as AdmissionPluginName[];
  const both = enable.filter((name) => disable.includes(name));
  if (both.length > 0) {
    throw new SettingError(`--enable-admission-plugins and --disable-admission-plugins both name ${both.join(', ')}`);
  }
  return enabledAdmissionPlugins(enable, disable);
}
