import type { KubeObject } from '#apimachinery';
import type { ValidatingAdmissionPolicy } from '#kinds';
import type { Store } from '../../storage/store.js';
import type { AdmissionPlugin } from '../admission-request.js';
import { PolicySource } from './policy-source.js';
import { type PolicyContext, ValidatingAdmissionPolicyPlugin } from './validating-admission-policy.js';
import { ValidatingPolicy } from './validating-policy.js';

/** The plugins that enforce policies. */
export interface PolicyPlugins {
  readonly validating: AdmissionPlugin;
}

export interface PolicyPluginOptions extends PolicyContext {
  readonly store: Pick<Store, 'cache'>;
  /** Ends the following of the policies. */
  readonly signal: AbortSignal;
}

/** Policies are those in the store, from the moment at which this server sees them. */
export function createPolicyPlugins({ store, signal, ...context }: PolicyPluginOptions): PolicyPlugins {
  const validating = new PolicySource(
    (policy: KubeObject) => new ValidatingPolicy(policy as ValidatingAdmissionPolicy),
  );
  validating.follow(store, 'validatingadmissionpolicies', 'validatingadmissionpolicybindings', signal);
  return { validating: new ValidatingAdmissionPolicyPlugin(validating, context) };
}
