import type { Authorizer } from '../authorization/authorizer.js';
import type { Lister } from '../storage/lister.js';
import type { AdmissionMetrics, AdmissionStep, AdmissionTimer } from './admission-metrics.js';
import type { AdmissionOperation, AdmissionPlugin, AdmissionRequest } from './admission-request.js';
import { CertificateApproval } from './plugins/certificate-approval.js';
import { CertificateSigning } from './plugins/certificate-signing.js';
import { CertificateSubjectRestriction } from './plugins/certificate-subject-restriction.js';
import { ClusterTrustBundleAttest } from './plugins/cluster-trust-bundle-attest.js';
import { DefaultIngressClass } from './plugins/default-ingress-class.js';
import { DefaultStorageClass } from './plugins/default-storage-class.js';
import { DefaultTolerationSeconds } from './plugins/default-toleration-seconds.js';
import type { EscalationCheck } from './plugins/escalation-check.js';
import { LimitRanger } from './plugins/limit-ranger.js';
import { NamespaceLifecycle } from './plugins/namespace-lifecycle.js';
import { NodeRestriction } from './plugins/node-restriction.js';
import { PersistentVolumeClaimResize } from './plugins/persistent-volume-claim-resize.js';
import { PodTopologyLabels } from './plugins/pod-topology-labels.js';
import { Priority } from './plugins/priority.js';
import { RuntimeClass } from './plugins/runtime-class.js';
import { ServiceAccount } from './plugins/service-account.js';
import { StorageObjectInUseProtection } from './plugins/storage-object-in-use-protection.js';
import { TaintNodesByCondition } from './plugins/taint-nodes-by-condition.js';
import { UnenforcedFeatures } from './plugins/unenforced-features.js';
import type { PolicyPlugins } from './policies/policy-plugins.js';
import type { WebhookPlugins } from './webhooks/webhook-plugins.js';

export interface AdmissionOptions {
  lister: Lister;
  authorizer: Authorizer;
  /** Runs after the mutating plugins. */
  escalationCheck?: EscalationCheck;
  policies?: PolicyPlugins;
  webhooks?: WebhookPlugins;
  /** Absent: nobody counts. */
  metrics?: AdmissionMetrics;
  /** Refuses policies that nothing enforces yet, instead of warning of them. */
  refuseUnenforced?: boolean;
}

/** The plugins as one: first all that change, then, on what will be stored, all that only look. */
export interface AdmissionChain {
  admit(request: AdmissionRequest): void | Promise<void>;
  validate(request: AdmissionRequest): void | Promise<void>;
}

/** The plugins that are on by default, in the reference's order. */
export function createAdmission({
  lister,
  authorizer,
  escalationCheck,
  policies,
  webhooks,
  metrics,
  refuseUnenforced = false,
}: AdmissionOptions): AdmissionChain {
  const plugins = [
    new NamespaceLifecycle(lister),
    new LimitRanger(lister),
    new ServiceAccount(lister),
    new NodeRestriction(lister, authorizer),
    new TaintNodesByCondition(),
    new Priority(lister),
    new DefaultTolerationSeconds(),
    new DefaultStorageClass(lister),
    new StorageObjectInUseProtection(),
    new PersistentVolumeClaimResize(lister),
    new RuntimeClass(lister),
    new CertificateApproval(authorizer),
    new CertificateSigning(authorizer),
    new ClusterTrustBundleAttest(authorizer),
    new CertificateSubjectRestriction(),
    new DefaultIngressClass(lister),
    new PodTopologyLabels(lister),
    ...(policies ? [policies.mutating] : []),
    // Webhooks come last of those that change objects, and see what will be stored; what follows refuses that too.
    ...(webhooks ? [webhooks.mutating] : []),
    ...(escalationCheck ? [escalationCheck] : []),
    ...(policies ? [policies.validating] : []),
    ...(webhooks ? [webhooks.validating] : []),
    new UnenforcedFeatures(lister, refuseUnenforced),
  ];
  return new OrderedPlugins(plugins, metrics);
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
