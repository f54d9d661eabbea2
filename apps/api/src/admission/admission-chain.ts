import { ADMISSION_PLUGINS, type AdmissionPluginName, enabledAdmissionPlugins } from '#settings';
import type { Authorizer } from '../authorization/authorizer.js';
import type { Lister } from '../storage/lister.js';
import type { AdmissionMetrics, AdmissionStep, AdmissionTimer } from './admission-metrics.js';
import type { AdmissionOperation, AdmissionPlugin, AdmissionRequest } from './admission-request.js';
import type { AdmissionConfiguration } from './configuration/admission-configuration.js';
import { AlwaysPullImages } from './plugins/always-pull-images.js';
import { CertificateApproval } from './plugins/certificate-approval.js';
import { CertificateSigning } from './plugins/certificate-signing.js';
import { CertificateSubjectRestriction } from './plugins/certificate-subject-restriction.js';
import { ClusterTrustBundleAttest } from './plugins/cluster-trust-bundle-attest.js';
import { DefaultIngressClass } from './plugins/default-ingress-class.js';
import { DefaultStorageClass } from './plugins/default-storage-class.js';
import { DefaultTolerationSeconds } from './plugins/default-toleration-seconds.js';
import { DenyServiceExternalIPs } from './plugins/deny-service-external-ips.js';
import type { EscalationCheck } from './plugins/escalation-check.js';
import { EventRateLimit } from './plugins/event-rate-limit.js';
import { ExtendedResourceToleration } from './plugins/extended-resource-toleration.js';
import { LimitPodHardAntiAffinityTopology } from './plugins/limit-pod-hard-anti-affinity-topology.js';
import { LimitRanger } from './plugins/limit-ranger.js';
import { NamespaceExists } from './plugins/namespace-exists.js';
import { NamespaceLifecycle } from './plugins/namespace-lifecycle.js';
import { NodeDeclaredFeatureValidator } from './plugins/node-declared-feature-validator.js';
import { NodeRestriction } from './plugins/node-restriction.js';
import { PersistentVolumeClaimResize } from './plugins/persistent-volume-claim-resize.js';
import { PodCertificateSigning } from './plugins/pod-certificate-signing.js';
import { PodNodeSelector } from './plugins/pod-node-selector.js';
import { PodResizeValidator } from './plugins/pod-resize-validator.js';
import { PodSecurity } from './plugins/pod-security.js';
import { PodTopologyLabels } from './plugins/pod-topology-labels.js';
import type { PolicyParameterCheck } from './plugins/policy-parameter-check.js';
import { Priority } from './plugins/priority.js';
import { ResourceQuota } from './plugins/resource-quota.js';
import { RuntimeClass } from './plugins/runtime-class.js';
import { ServiceAccount } from './plugins/service-account.js';
import { StorageObjectInUseProtection } from './plugins/storage-object-in-use-protection.js';
import { TaintNodesByCondition } from './plugins/taint-nodes-by-condition.js';
import { UnenforcedFeatures } from './plugins/unenforced-features.js';
import type { PodSecurityMetrics } from './pod-security/pod-security-metrics.js';
import type { PolicyPlugins } from './policies/policy-plugins.js';
import type { WebhookPlugins } from './webhooks/webhook-plugins.js';

export interface AdmissionOptions {
  lister: Lister;
  authorizer: Authorizer;
  /** The plugins of the reference that run; absent: those that are on by default. */
  enabled?: ReadonlySet<AdmissionPluginName>;
  configuration?: AdmissionConfiguration;
  podSecurityMetrics?: PodSecurityMetrics;
  /** Runs after the plugins of the reference. */
  escalationCheck?: EscalationCheck;
  /** Looks at what is written before the plugins of the reference do. */
  parameterCheck?: PolicyParameterCheck;
  policies?: PolicyPlugins;
  webhooks?: WebhookPlugins;
  /** Absent: nobody counts. */
  metrics?: AdmissionMetrics;
}

/** The plugins as one: first all that change, then, on what will be stored, all that only look. */
export interface AdmissionChain {
  admit(request: AdmissionRequest): void | Promise<void>;
  validate(request: AdmissionRequest): void | Promise<void>;
}

/** Undefined: the server has no such plugin. */
type MakePlugin = (options: AdmissionOptions) => AdmissionPlugin | undefined;

const PLUGINS: Record<AdmissionPluginName, MakePlugin> = {
  NamespaceLifecycle: ({ lister }) => new NamespaceLifecycle(lister),
  NamespaceExists: ({ lister }) => new NamespaceExists(lister),
  LimitPodHardAntiAffinityTopology: () => new LimitPodHardAntiAffinityTopology(),
  LimitRanger: ({ lister }) => new LimitRanger(lister),
  ServiceAccount: ({ lister }) => new ServiceAccount(lister),
  NodeRestriction: ({ lister, authorizer }) => new NodeRestriction(lister, authorizer),
  TaintNodesByCondition: () => new TaintNodesByCondition(),
  AlwaysPullImages: () => new AlwaysPullImages(),
  PodSecurity: ({ lister, configuration, podSecurityMetrics }) =>
    new PodSecurity(lister, configuration?.podSecurity, podSecurityMetrics),
  PodNodeSelector: ({ lister, configuration }) => new PodNodeSelector(lister, configuration?.nodeSelectors),
  Priority: ({ lister }) => new Priority(lister),
  DefaultTolerationSeconds: () => new DefaultTolerationSeconds(),
  EventRateLimit: ({ configuration }) => new EventRateLimit(configuration?.eventLimits),
  ExtendedResourceToleration: () => new ExtendedResourceToleration(),
  DefaultStorageClass: ({ lister }) => new DefaultStorageClass(lister),
  StorageObjectInUseProtection: () => new StorageObjectInUseProtection(),
  PersistentVolumeClaimResize: ({ lister }) => new PersistentVolumeClaimResize(lister),
  RuntimeClass: ({ lister }) => new RuntimeClass(lister),
  CertificateApproval: ({ authorizer }) => new CertificateApproval(authorizer),
  CertificateSigning: ({ authorizer }) => new CertificateSigning(authorizer),
  ClusterTrustBundleAttest: ({ authorizer }) => new ClusterTrustBundleAttest(authorizer),
  CertificateSubjectRestriction: () => new CertificateSubjectRestriction(),
  DefaultIngressClass: ({ lister }) => new DefaultIngressClass(lister),
  DenyServiceExternalIPs: () => new DenyServiceExternalIPs(),
  PodTopologyLabels: ({ lister }) => new PodTopologyLabels(lister),
  NodeDeclaredFeatureValidator: ({ lister }) => new NodeDeclaredFeatureValidator(lister),
  PodResizeValidator: ({ lister }) => new PodResizeValidator(lister),
  // Policies and webhooks come last of those that change objects, and see what will be stored: what they make of it is counted.
  MutatingAdmissionPolicy: ({ policies }) => policies?.mutating,
  MutatingAdmissionWebhook: ({ webhooks }) => webhooks?.mutating,
  ValidatingAdmissionPolicy: ({ policies }) => policies?.validating,
  ValidatingAdmissionWebhook: ({ webhooks }) => webhooks?.validating,
  ResourceQuota: ({ lister, configuration }) => new ResourceQuota(lister, configuration?.limitedResources),
};

/** The plugins of the reference that are enabled, in its order, and then Berth's own. */
export function createAdmission(options: AdmissionOptions): AdmissionChain {
  const { lister, enabled = enabledAdmissionPlugins([], []) } = options;
  const { escalationCheck, parameterCheck } = options;
  const plugins = [
    ...(parameterCheck ? [parameterCheck] : []),
    new PodCertificateSigning(options.authorizer),
    ...ADMISSION_PLUGINS.filter((name) => enabled.has(name)).flatMap((name) => PLUGINS[name](options) ?? []),
    ...(escalationCheck ? [escalationCheck] : []),
    new UnenforcedFeatures(lister),
  ];
  return new OrderedPlugins(plugins, options.metrics);
}

/** One plugin, or all of a step, as it is called; timed where there are metrics. */
type Call = (request: AdmissionRequest) => void | Promise<void>;

interface Selected {
  admit: Call;
  validate: Call;
}

/** Runs plugins in order and stays synchronous as long as they do: most writes meet no plugin that has to wait. */
export class OrderedPlugins implements AdmissionChain {
  private readonly selected = new Map<string, Selected>();

  constructor(
    private readonly plugins: readonly AdmissionPlugin[],
    private readonly metrics?: AdmissionMetrics,
  ) {}

  admit(request: AdmissionRequest): void | Promise<void> {
    return this.select(request).admit(request);
  }

  validate(request: AdmissionRequest): void | Promise<void> {
    return this.select(request).validate(request);
  }

  private select(request: AdmissionRequest): Selected {
    const { operation, resource, subresource } = request;
    const key = `${operation} ${resource.group}/${resource.resource}/${subresource}`;
    let selected = this.selected.get(key);
    if (!selected) {
      const handling = this.plugins.filter((plugin) => plugin.handles({ operation, resource, subresource }));
      const calls = (step: AdmissionStep) =>
        handling.filter((plugin) => plugin[step]).map((plugin) => this.callOf(plugin, step, operation));
      const [mutating, validating] = [calls('admit'), calls('validate')];
      selected = {
        admit: this.stepOf('admit', operation, (asked) => inRounds(mutating, asked)),
        validate: this.stepOf('validate', operation, (asked) => runFrom(validating, 0, asked)),
      };
      this.selected.set(key, selected);
    }
    return selected;
  }

  private callOf(plugin: AdmissionPlugin, step: AdmissionStep, operation: AdmissionOperation): Call {
    return timed(this.metrics?.ofPlugin(plugin.name, step, operation), (request) => plugin[step]!(request));
  }

  private stepOf(step: AdmissionStep, operation: AdmissionOperation, call: Call): Call {
    return timed(this.metrics?.ofStep(step, operation), call);
  }
}

function timed(timer: AdmissionTimer | undefined, call: Call): Call {
  return timer === undefined ? call : (request) => timer.time(() => call(request));
}

/** All once, and all once more when one of them wants that. */
function inRounds(plugins: readonly Call[], request: AdmissionRequest): void | Promise<void> {
  const again = () => {
    if (request.reinvocation?.wanted !== true) return;
    request.reinvocation.round = 1;
    return runFrom(plugins, 0, request);
  };
  const waiting = runFrom(plugins, 0, request);
  return waiting ? waiting.then(again) : again();
}

function runFrom(plugins: readonly Call[], start: number, request: AdmissionRequest): void | Promise<void> {
  for (let i = start; i < plugins.length; i++) {
    const waiting = plugins[i]!(request);
    if (waiting) return waiting.then(() => runFrom(plugins, i + 1, request));
  }
}
