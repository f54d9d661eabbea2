import type { Authorizer } from '../authorization/authorizer.js';
import type { Lister } from '../storage/lister.js';
import type { AdmissionPlugin, AdmissionRequest } from './admission-request.js';
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
  refuseUnenforced = false,
}: AdmissionOptions): AdmissionChain {
  return new OrderedPlugins([
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
    // Webhooks come last of those that change objects, and see what will be stored; what follows refuses that too.
    ...(webhooks ? [webhooks.mutating] : []),
    ...(escalationCheck ? [escalationCheck] : []),
    ...(policies ? [policies.validating] : []),
    ...(webhooks ? [webhooks.validating] : []),
    new UnenforcedFeatures(lister, refuseUnenforced),
  ]);
}

interface Selected {
  mutating: AdmissionPlugin[];
  validating: AdmissionPlugin[];
}

/** Runs plugins in order and stays synchronous as long as they do: most writes meet no plugin that has to wait. */
export class OrderedPlugins implements AdmissionChain {
  private readonly selected = new Map<string, Selected>();

  constructor(private readonly plugins: readonly AdmissionPlugin[]) {}

  admit(request: AdmissionRequest): void | Promise<void> {
    const { mutating } = this.select(request);
    const round = () => runFrom(mutating, 0, (plugin) => plugin.admit!(request));
    const again = () => {
      if (request.reinvocation?.wanted !== true) return;
      request.reinvocation.round = 1;
      return round();
    };
    const waiting = round();
    return waiting ? waiting.then(again) : again();
  }

  validate(request: AdmissionRequest): void | Promise<void> {
    return runFrom(this.select(request).validating, 0, (plugin) => plugin.validate!(request));
  }

  private select({ operation, resource, subresource }: AdmissionRequest): Selected {
    const key = `${operation} ${resource.group}/${resource.resource}/${subresource}`;
    let selected = this.selected.get(key);
    if (!selected) {
      const handling = this.plugins.filter((plugin) => plugin.handles({ operation, resource, subresource }));
      selected = {
        mutating: handling.filter((plugin) => plugin.admit),
        validating: handling.filter((plugin) => plugin.validate),
      };
      this.selected.set(key, selected);
    }
    return selected;
  }
}

function runFrom(
  plugins: readonly AdmissionPlugin[],
  start: number,
  call: (plugin: AdmissionPlugin) => void | Promise<void>,
): void | Promise<void> {
  for (let i = start; i < plugins.length; i++) {
    const waiting = call(plugins[i]!);
    if (waiting) return waiting.then(() => runFrom(plugins, i + 1, call));
  }
}
