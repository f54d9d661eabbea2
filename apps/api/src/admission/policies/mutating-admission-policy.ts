import { appendAll, type KubeObject, quote, StatusError, semanticEqual } from '#apimachinery';
import type { AdmissionPlugin, AdmissionRequest, AdmissionTarget } from '../admission-request.js';
import { type Recalls, Reinvocation } from '../reinvocation.js';
import { rejection } from '../rejection.js';
import { isExempt } from '../webhooks/exempt-resources.js';
import { expressionAuthorizer } from '../webhooks/expression-authorizer.js';
import { VersionedObjects } from '../webhooks/versioned-objects.js';
import { OutOfBudget } from './cost-budget.js';
import { type EvaluationLimits, withinLimits } from './evaluation-limits.js';
import type { MutatingPolicy } from './mutating-policy.js';
import type { MatchedAs } from './policy-match.js';
import { ConfigurationError, parametersOf } from './policy-parameters.js';
import { changedObject, type Merge } from './policy-patch.js';
import { policyInputs } from './policy-request.js';
import type { Binding, BoundPolicy, PolicySource } from './policy-source.js';
import type { PolicyContext } from './validating-admission-policy.js';

export interface MutatingPolicyContext extends PolicyContext {
  readonly merge: Merge;
}

/** A policy that is to be applied with one set of parameters. */
interface Invocation {
  readonly policy: MutatingPolicy;
  readonly binding: Binding;
  readonly matched: MatchedAs;
  readonly params: KubeObject | undefined;
  readonly key: string;
}

/** Changes objects as MutatingAdmissionPolicies say: k8s.io/apiserver/pkg/admission/plugin/policy/mutating. */
export class MutatingAdmissionPolicyPlugin implements AdmissionPlugin {
  readonly name = 'MutatingAdmissionPolicy';

  constructor(
    private readonly source: Pick<PolicySource<MutatingPolicy>, 'list'>,
    private readonly context: MutatingPolicyContext,
  ) {}

  handles({ resource }: AdmissionTarget): boolean {
    return !isExempt(resource);
  }

  admit(request: AdmissionRequest): void | Promise<void> {
    const policies = this.source.list;
    if (policies.length > 0) return this.enforce(policies, request);
  }

  private async enforce(policies: readonly BoundPolicy<MutatingPolicy>[], request: AdmissionRequest): Promise<void> {
    const errors: string[] = [];
    const invocations = await this.invocations(policies, request, errors);
    if (invocations.length > 0) {
      await withinLimits(request, (limits) => this.applyAll(invocations, request, errors, limits));
    }
    if (errors.length > 0) throw denied(request, errors);
  }

  /** What is to be done is settled before the first change. */
  private async invocations(
    policies: readonly BoundPolicy<MutatingPolicy>[],
    request: AdmissionRequest,
    errors: string[],
  ): Promise<Invocation[]> {
    const found: Invocation[] = [];
    for (const { policy, bindings } of policies) {
      const fail = (what: string, error: unknown, binding?: Binding) => {
        if (!(error instanceof ConfigurationError || error instanceof StatusError)) throw error;
        note(errors, policy, binding, `failed to configure ${what}: ${error.message}`);
      };
      let matched: MatchedAs | undefined;
      try {
        matched = policy.match.find(request, this.context.catalog, this.context.lister);
      } catch (error) {
        fail('policy', error);
      }
      if (matched === undefined) continue;
      for (const binding of bindings) {
        try {
          appendAll(found, await this.bound(policy, binding, matched, request));
        } catch (error) {
          fail('binding', error, binding);
        }
      }
    }
    return found;
  }

  private async bound(
    policy: MutatingPolicy,
    binding: Binding,
    matched: MatchedAs,
    request: AdmissionRequest,
  ): Promise<Invocation[]> {
    const { catalog, lister } = this.context;
    if (binding.match !== undefined && binding.match.find(request, catalog, lister) === undefined) return [];
    const parameters = await parametersOf(policy.paramKind, binding.paramRef, request.namespace, catalog, lister);
    return parameters.map((params) => {
      const key = JSON.stringify([policy.name, binding.name, params?.metadata.namespace, params?.metadata.name]);
      return { policy, binding, matched, params, key };
    });
  }

  private async applyAll(
    invocations: readonly Invocation[],
    request: AdmissionRequest,
    errors: string[],
    limits: EvaluationLimits,
  ): Promise<void> {
    request.reinvocation ??= new Reinvocation();
    const recalls = request.reinvocation.recallsOf(this.name);
    recalls.begin(request.object);
    const objects = new VersionedObjects(this.context.catalog, request);
    for (const invocation of invocations) {
      const isChanged = await this.apply(invocation, request, objects, errors, recalls, limits);
      if (isChanged !== undefined) recalls.wasCalled(invocation.key, isChanged, invocation.policy.isReinvoked);
    }
    recalls.end(request.object);
  }

  /** Whether the object is another one now; undefined when the policy did not apply. */
  private async apply(
    { policy, binding, matched, params, key }: Invocation,
    request: AdmissionRequest,
    objects: VersionedObjects,
    errors: string[],
    recalls: Recalls,
    limits: EvaluationLimits,
  ): Promise<boolean | undefined> {
    const { catalog, lister, authorizer, merge } = this.context;
    const asked = expressionAuthorizer(authorizer, request);
    const inputs = async () => {
      const seen = { object: await objects.object(matched.kind), oldObject: await objects.oldObject(matched.kind) };
      return policyInputs(request, matched, seen, params, lister);
    };
    const applies = await policy.applies(await inputs(), asked, limits);
    if (applies instanceof Error) note(errors, policy, binding, applies.message);
    if (applies !== true) return undefined;
    if (recalls.leavesOut(key)) return undefined;
    const first = await objects.object(matched.kind);
    for (const mutation of policy.mutations) {
      const object = await objects.object(matched.kind);
      if (object === undefined) break;
      try {
        const change = policy.change(mutation, await inputs(), asked, limits);
        await limits.time.pause();
        const changed = change instanceof Error ? change : changedObject(catalog, merge, object, matched.kind, change);
        if (changed instanceof Error) note(errors, policy, binding, changed.message);
        else if (changed !== object) await objects.replace(changed, matched.kind);
      } catch (error) {
        if (!(error instanceof OutOfBudget)) throw error;
        note(errors, policy, binding, error.message);
      }
    }
    return !semanticEqual(first, await objects.object(matched.kind));
  }
}

function note(errors: string[], policy: MutatingPolicy, binding: Binding | undefined, why: string): void {
  if (!policy.failsClosed) return;
  const by = binding === undefined ? quote(policy.name) : `'${policy.name}' with binding '${binding.name}'`;
  errors.push(`policy ${by} denied request: ${why}`);
}

function denied(request: AdmissionRequest, errors: readonly string[]): StatusError {
  const { status } = rejection(request, 'admission request denied by policy');
  const causes = errors.map((message) => ({ message }));
  return new StatusError({ ...status, message: errors[0]!, reason: 'Invalid', details: { ...status.details, causes } });
}
