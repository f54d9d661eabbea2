import type { KubeObject } from '#apimachinery';
import type { MutatingAdmissionPolicy, ValidatingAdmissionPolicy } from '#kinds';
import type { Store } from '../../storage/store.js';
import type { AdmissionPlugin } from '../admission-request.js';
import { MutatingAdmissionPolicyPlugin, type MutatingPolicyContext } from './mutating-admission-policy.js';
import { MutatingPolicy } from './mutating-policy.js';
import type { PolicyMetrics } from './policy-metrics.js';
import { PolicySource } from './policy-source.js';
import { ValidatingAdmissionPolicyPlugin } from './validating-admission-policy.js';
import { ValidatingPolicy } from './validating-policy.js';

/** The plugins that enforce policies. */
export interface PolicyPlugins {
  readonly mutating: AdmissionPlugin;
  readonly validating: AdmissionPlugin;
}

export interface PolicyPluginOptions extends MutatingPolicyContext {
  readonly store: Pick<Store, 'cache'>;
  readonly metrics: PolicyMetrics;
  /** Ends the following of the policies. */
  readonly signal: AbortSignal;
}

/** Policies are those in the store, from the moment at which this server sees them. */
export function createPolicyPlugins({ store, signal, metrics, ...context }: PolicyPluginOptions): PolicyPlugins {
  const validating = new PolicySource(
    (policy: KubeObject) => new ValidatingPolicy(policy as ValidatingAdmissionPolicy),
  );
  validating.follow(store, 'validatingadmissionpolicies', 'validatingadmissionpolicybindings', signal);
  const mutating = new PolicySource((policy: KubeObject) => new MutatingPolicy(policy as MutatingAdmissionPolicy));
  mutating.follow(store, 'mutatingadmissionpolicies', 'mutatingadmissionpolicybindings', signal);
  return {
    mutating: new MutatingAdmissionPolicyPlugin(mutating, context),
    validating: new ValidatingAdmissionPolicyPlugin(validating, context, metrics),
  };
}
