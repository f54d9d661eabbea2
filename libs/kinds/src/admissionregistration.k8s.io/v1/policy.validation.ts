import {
  isDNS1035Label,
  isDNS1123Subdomain,
  isPathSegmentName,
  isQualifiedName,
  parseGroupVersion,
} from '#apimachinery';
<<<<<<< HEAD
import { CelCompileError, type CelEnvironment, cel, compileCel } from '#cel';
=======
import { cel } from '#cel';
>>>>>>> cel
import { checkSelector } from '../../core/v1/pod/pod-scheduling.validation.js';
import type { MatchCondition, MatchResources, ParamKind, ParamRef, Variable } from '../../generated/types.js';
import type { FieldCursor } from '../../validation/field-cursor.js';
import { checkMatchResources } from './match-rules.validation.js';
import { PolicyExpressions } from './policy-expressions.js';

<<<<<<< HEAD
/** What policies and their bindings have in common, and the conditions that webhooks have too. CEL of policies is not compiled. */
=======
/** What policies and their bindings have in common, and the conditions that webhooks have too. */
>>>>>>> cel

export const failurePolicies = ['Fail', 'Ignore'];
export const reinvocationPolicies = ['IfNeeded', 'Never'];
const notFoundActions = ['Deny', 'Allow'];
const MAX_MATCH_CONDITIONS = 64;
const NO_EXPRESSIONS: ReadonlySet<string> = new Set();
const identifier = /^[_a-zA-Z][_a-zA-Z0-9]*$/;
const reserved = new Set(
  'true false null in as break const continue else for function if import let loop package namespace return var void while'.split(
    ' ',
  ),
);

interface PolicySpec {
  failurePolicy?: string;
  paramKind?: ParamKind;
  matchConstraints?: MatchResources;
}

/** The head of both kinds of policy. */
export function checkPolicyHead(at: FieldCursor, { failurePolicy, paramKind, matchConstraints }: PolicySpec): void {
  if (failurePolicy === undefined) at.required('failurePolicy');
  at.optionalChoice('failurePolicy', failurePolicy, failurePolicies);
  if (paramKind !== undefined) at.within('paramKind', () => checkParamKind(at, paramKind));
  if (matchConstraints === undefined) at.required('matchConstraints');
  checkMatchResources(at, 'matchConstraints', matchConstraints);
  if (matchConstraints !== undefined && (matchConstraints.resourceRules ?? []).length === 0) {
    at.required('matchConstraints.resourceRules');
  }
}

function checkParamKind(at: FieldCursor, { apiVersion = '', kind = '' }: ParamKind): void {
  const parsed = parseGroupVersion(apiVersion === '/' ? '' : apiVersion);
  const joined = (shown: string, problems: string[]): void => {
    if (problems.length > 0) at.invalid('apiVersion', shown, problems.join(','));
  };
  if (apiVersion === '') at.required('apiVersion');
  else if (parsed === undefined) at.invalid('apiVersion', apiVersion, `unexpected GroupVersion string: ${apiVersion}`);
  else {
    if (parsed.group !== '') joined(parsed.group, isDNS1123Subdomain(parsed.group));
    if (parsed.version === '') at.invalid('apiVersion', apiVersion, 'version must be specified');
    else joined(parsed.version, isDNS1035Label(parsed.version));
  }
  const problems = kind === '' ? [] : isDNS1035Label(kind.toLowerCase());
  if (kind === '') at.required('kind');
  else if (problems.length > 0) {
    at.invalid('kind', kind, `may have mixed case, but should otherwise match: ${problems.join(',')}`);
  }
}

<<<<<<< HEAD
/** `environment` is what the expressions may use; without it they are not compiled. `known`: those that the store accepted before. */
export function checkMatchConditions(
  at: FieldCursor,
  conditions: readonly MatchCondition[] | undefined,
  environment?: CelEnvironment,
  known: ReadonlySet<string> = NO_EXPRESSIONS,
=======
export function checkMatchConditions(
  at: FieldCursor,
  conditions: readonly MatchCondition[] | undefined,
  expressions: PolicyExpressions = new PolicyExpressions(false),
>>>>>>> cel
): void {
  if (conditions === undefined) return;
  if (conditions.length > MAX_MATCH_CONDITIONS) {
    at.tooMany('matchConditions', conditions.length, MAX_MATCH_CONDITIONS);
  }
  const seen = new Set<string>();
  at.each('matchConditions', conditions, ({ name = '', expression = '' }) => {
<<<<<<< HEAD
    const source = expression.trim();
    if (source === '') at.required('expression');
    else if (environment)
      checkCondition(at, source, known.has(source) ? { ...environment, version: 'stored' } : environment);
=======
    if (expression.trim() === '') at.required('expression');
    else expressions.check(at, 'expression', expression.trim(), cel.bool);
>>>>>>> cel
    if (name === '') at.required('name');
    else {
      at.format('name', name, isQualifiedName);
      if (seen.has(name)) at.duplicate('name', name);
      seen.add(name);
    }
  });
}

<<<<<<< HEAD
/** The trimmed expression is what the error shows, as in the reference. */
function checkCondition(at: FieldCursor, source: string, environment: CelEnvironment): void {
  try {
    compileCel(source, environment, cel.bool);
  } catch (error) {
    if (!(error instanceof CelCompileError)) throw error;
    at.invalid('expression', source, error.message);
  }
}

export function checkVariables(at: FieldCursor, variables: readonly Variable[] | undefined): void {
=======
export function checkVariables(
  at: FieldCursor,
  variables: readonly Variable[] | undefined,
  expressions: PolicyExpressions,
): void {
>>>>>>> cel
  at.each('variables', variables, ({ name = '', expression = '' }) => {
    if (name.trim() === '') at.required('name', 'name is not specified');
    else if (!identifier.test(name) || reserved.has(name)) at.invalid('name', name, 'must be a valid CEL identifier');
    if (expression.trim() === '') at.required('expression', 'expression is not specified');
    else expressions.declare(at, name, expression);
  });
}

export function checkParamRef(at: FieldCursor, ref: ParamRef | undefined): void {
  if (ref === undefined) return;
  const { name = '', selector, parameterNotFoundAction: action } = ref;
  const exclusive = 'name and selector are mutually exclusive';
  at.within('paramRef', () => {
    if (name !== '') at.format('name', name, isPathSegmentName);
    if (name !== '' && selector !== undefined) at.forbidden('name', exclusive);
    checkSelector(at, 'selector', selector);
    if (name !== '' && selector !== undefined) at.forbidden('selector', exclusive);
    if (name === '' && selector === undefined) at.required('', 'one of name or selector must be specified');
    at.choice('parameterNotFoundAction', action, notFoundActions);
  });
}
