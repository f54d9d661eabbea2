import { semanticEqual } from '#apimachinery';
import type { KindValidator } from '../../../contract/kind-module.js';
import type { MutatingAdmissionPolicy, Mutation } from '../../../generated/types.js';
import { FieldCursor } from '../../../validation/field-cursor.js';
import { checkMutatingOperations } from '../match-rules.validation.js';
import { checkMatchConditions, checkPolicyHead, checkVariables, reinvocationPolicies } from '../policy.validation.js';
import { applyConfigurationResult, jsonPatchResult, PolicyExpressions } from '../policy-expressions.js';
import { checkReservedName, reservedNameRule } from '../reserved-name.validation.js';

const patchTypes = ['ApplyConfiguration', 'JSONPatch'];

export const mutatingAdmissionPolicyValidator: KindValidator = {
  rules: [
    reservedNameRule,
    'failurePolicy is required, one of Fail, Ignore',
    'paramKind: an apiVersion with a version, and a kind',
    'matchConstraints are required, with matchPolicy, both selectors and at least one resource rule',
    'operations are *, CONNECT, CREATE, UPDATE',
    'matchConditions: at most 64, with unique names and an expression',
    'variables: a CEL identifier and an expression',
    'mutations: at least one, with a patchType of ApplyConfiguration, JSONPatch, its block, and no other block',
    'reinvocationPolicy is required, one of IfNeeded, Never',
    'expressions compile, and give the type that they are for',
    { rule: 'the writer may read the parameters', enforcedBy: 'admission parameter check' },
  ],
  validateCreate(policy: MutatingAdmissionPolicy) {
    const at = new FieldCursor();
    checkReservedName(at, policy.metadata);
    return [...check(policy), ...at.all()];
  },
  validateUpdate(policy: MutatingAdmissionPolicy, old: MutatingAdmissionPolicy) {
    const { paramKind, matchConditions } = policy.spec;
    const isKnown =
      semanticEqual(paramKind, old.spec.paramKind) && semanticEqual(matchConditions, old.spec.matchConditions);
    return check(policy, old, isKnown);
  },
};

function check({ spec }: MutatingAdmissionPolicy, old?: MutatingAdmissionPolicy, knownConditions = false) {
  const at = new FieldCursor('spec');
  const expressions = new PolicyExpressions(spec.paramKind !== undefined, expressionsOf(old));
  checkPolicyHead(at, spec);
  checkMutatingOperations(at, 'matchConstraints', spec.matchConstraints);
  if (!knownConditions) checkMatchConditions(at, spec.matchConditions, expressions);
  checkVariables(at, spec.variables, expressions);
  if ((spec.mutations ?? []).length === 0) at.required('mutations', 'mutations must contain at least one item');
  at.each('mutations', spec.mutations, (mutation) => checkMutation(at, mutation, expressions));
  at.choice('reinvocationPolicy', spec.reinvocationPolicy, reinvocationPolicies);
  return at.all();
}

/** The expressions that a policy had. */
function expressionsOf(policy: MutatingAdmissionPolicy | undefined): Set<string> {
  const { variables = [], mutations = [], matchConditions = [] } = policy?.spec ?? {};
  return new Set([
    ...[...variables, ...matchConditions].map(({ expression = '' }) => expression),
    ...mutations.map(({ jsonPatch, applyConfiguration }) => (jsonPatch ?? applyConfiguration)?.expression ?? ''),
  ]);
}

function checkMutation(at: FieldCursor, mutation: Mutation, expressions: PolicyExpressions): void {
  const { patchType } = mutation;
  at.choice('patchType', patchType, patchTypes);
  if (!patchTypes.includes(patchType)) return;
  const [own, other] =
    patchType === 'JSONPatch'
      ? (['jsonPatch', 'applyConfiguration'] as const)
      : (['applyConfiguration', 'jsonPatch'] as const);
  if (mutation[own] === undefined) at.required(own, `must be specified when patchType is ${patchType}`);
  else if (!mutation[own].expression?.trim()) at.required(`${own}.expression`);
  else {
    const expected = own === 'jsonPatch' ? jsonPatchResult : applyConfigurationResult;
    expressions.check(at, `${own}.expression`, mutation[own].expression, expected, { mutates: true });
  }
  if (mutation[other] !== undefined) {
    at.invalid(other, `{${other}}`, `must not be specified when patchType is ${patchType}`);
  }
}
