import { goJson, StatusError } from '#apimachinery';
import type { ResourceCatalog } from '#kinds';
import type { Authorizer } from '../../authorization/authorizer.js';
import type { Lister } from '../../storage/lister.js';
import type { AdmissionPlugin, AdmissionRequest, AdmissionTarget } from '../admission-request.js';
import { rejection } from '../rejection.js';
import { isExempt } from '../webhooks/exempt-resources.js';
import { expressionAuthorizer } from '../webhooks/expression-authorizer.js';
import { VersionedObjects } from '../webhooks/versioned-objects.js';
import { type EvaluationLimits, withinLimits } from './evaluation-limits.js';
import type { MatchedAs } from './policy-match.js';
import type { PolicyMetrics } from './policy-metrics.js';
import { ConfigurationError, parametersOf } from './policy-parameters.js';
import { policyInputs } from './policy-request.js';
import type { Binding, BoundPolicy, PolicySource } from './policy-source.js';
import type { ValidatingPolicy, Verdict } from './validating-policy.js';

const FAILURES_KEY = 'validation.policy.admission.k8s.io/validation_failure';
const MAX_FAILURES = 50;
const MAX_ANNOTATION_BYTES = 10 * 1024;
const CODES = new Map([
  ['Forbidden', 403],
  ['Unauthorized', 401],
  ['RequestEntityTooLarge', 413],
]);
const UNPROCESSABLE = 422;
const ACTIONS = new Map([
  ['Deny', 'deny'],
  ['Audit', 'audit'],
  ['Warn', 'warn'],
] as const);

export interface PolicyContext {
  readonly catalog: ResourceCatalog;
  readonly lister: Lister;
  readonly authorizer: Authorizer;
}

interface Denial {
  readonly message: string;
  readonly reason: string | undefined;
}

/** What the policies said of one request so far. */
class Findings {
  readonly denials: Denial[] = [];
  readonly audited: object[] = [];

  deny(policy: string, binding: string | undefined, why: string, reason?: string): void {
    const by = `ValidatingAdmissionPolicy '${policy}'${binding === undefined ? '' : ` with binding '${binding}'`}`;
    this.denials.push({ message: `${by} denied request: ${why}`, reason });
  }
}

/** Enforces ValidatingAdmissionPolicies through their bindings: k8s.io/apiserver/pkg/admission/plugin/policy/validating. */
export class ValidatingAdmissionPolicyPlugin implements AdmissionPlugin {
  readonly name = 'ValidatingAdmissionPolicy';

  constructor(
    private readonly source: Pick<PolicySource<ValidatingPolicy>, 'list'>,
    private readonly context: PolicyContext,
    private readonly metrics: PolicyMetrics,
  ) {}

  handles({ resource }: AdmissionTarget): boolean {
    return !isExempt(resource);
  }

  validate(request: AdmissionRequest): void | Promise<void> {
    const policies = this.source.list;
    if (policies.length > 0) return this.enforce(policies, request);
  }

  private async enforce(policies: readonly BoundPolicy<ValidatingPolicy>[], request: AdmissionRequest): Promise<void> {
    const findings = new Findings();
    const objects = new VersionedObjects(this.context.catalog, request);
    await withinLimits(request, async (limits) => {
      for (const bound of policies) await this.apply(bound, request, objects, findings, limits);
    });
    if (findings.audited.length > 0) request.annotate(FAILURES_KEY, goJson(findings.audited.slice(0, MAX_FAILURES)));
    const [denial] = findings.denials;
    if (denial !== undefined) throw denied(request, denial);
  }

  private async apply(
    { policy, bindings }: BoundPolicy<ValidatingPolicy>,
    request: AdmissionRequest,
    objects: VersionedObjects,
    findings: Findings,
    limits: EvaluationLimits,
  ): Promise<void> {
    const { catalog, lister } = this.context;
    const configuration = (what: string, binding: string | undefined, error: unknown) => {
      if (!(error instanceof ConfigurationError || error instanceof StatusError)) throw error;
      if (policy.failsClosed) findings.deny(policy.name, binding, `failed to configure ${what}: ${error.message}`);
    };
    let matched: MatchedAs | undefined;
    try {
      matched = policy.match.find(request, catalog, lister);
    } catch (error) {
      configuration('policy', undefined, error);
    }
    if (matched === undefined) return;
    const annotations = new Map<string, Set<string>>();
    for (const binding of bindings) {
      try {
        if (binding.match !== undefined && binding.match.find(request, catalog, lister) === undefined) continue;
        for (const verdict of await this.verdicts(policy, binding, matched, request, objects, limits)) {
          report(policy, binding, verdict, request, findings);
          this.count(policy.name, binding, verdict);
          for (const { key, value } of verdict.annotations) add(annotations, key, value);
        }
      } catch (error) {
        configuration('binding', binding.name, error);
      }
    }
    for (const [key, values] of annotations) request.annotate(`${policy.name}/${key}`, [...values].join(', '));
  }

  private count(policy: string, { name, actions }: Binding, verdict: Verdict): void {
    for (const { message, ms } of verdict.failures) {
      for (const [given, action] of ACTIONS) {
        if (actions.includes(given)) this.metrics.enforced(policy, name, action, message, ms);
      }
    }
    for (const { message, ms } of verdict.ignored) this.metrics.enforced(policy, name, 'allow', message, ms);
    for (const message of verdict.annotationErrors) this.metrics.enforced(policy, name, 'deny', message, 0);
  }

  /** One for each set of parameters. */
  private async verdicts(
    policy: ValidatingPolicy,
    binding: Binding,
    matched: MatchedAs,
    request: AdmissionRequest,
    objects: VersionedObjects,
    limits: EvaluationLimits,
  ): Promise<Verdict[]> {
    const { catalog, lister, authorizer } = this.context;
    const parameters = await parametersOf(policy.paramKind, binding.paramRef, request.namespace, catalog, lister);
    const seen = { object: await objects.object(matched.kind), oldObject: await objects.oldObject(matched.kind) };
    const asked = expressionAuthorizer(authorizer, request);
    const verdicts: Verdict[] = [];
    for (const params of parameters) {
      verdicts.push(await policy.evaluate(policyInputs(request, matched, seen, params, lister), asked, limits));
      const pause = limits.time.pause();
      if (pause) await pause;
    }
    return verdicts;
  }
}

function add(annotations: Map<string, Set<string>>, key: string, value: string): void {
  const values = annotations.get(key) ?? new Set();
  annotations.set(key, values.add(value.slice(0, MAX_ANNOTATION_BYTES)));
}

/** Does with failures what the binding wants. */
function report(
  policy: ValidatingPolicy,
  binding: Binding,
  verdict: Verdict,
  request: AdmissionRequest,
  findings: Findings,
): void {
  for (const { index, message, reason } of verdict.failures) {
    if (binding.actions.includes('Deny')) findings.deny(policy.name, binding.name, message, reason);
    if (binding.actions.includes('Audit')) {
      findings.audited.push({
        message,
        policy: policy.name,
        binding: binding.name,
        expressionIndex: index,
        validationActions: binding.actions,
      });
    }
    if (binding.actions.includes('Warn')) {
      const by = `ValidatingAdmissionPolicy '${policy.name}' with binding '${binding.name}'`;
      request.warn(`Validation failed for ${by}: ${message}`);
    }
  }
  for (const error of verdict.annotationErrors) findings.deny(policy.name, binding.name, error);
}

function denied(request: AdmissionRequest, { message, reason = 'Invalid' }: Denial): StatusError {
  const { status } = rejection(request, message);
  return new StatusError({
    ...status,
    reason,
    details: { ...status.details, causes: [{ message }] },
    code: CODES.get(reason) ?? UNPROCESSABLE,
  });
}
