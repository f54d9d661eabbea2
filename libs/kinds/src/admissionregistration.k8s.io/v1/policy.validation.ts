import {
  isDNS1035Label,
  isDNS1123Subdomain,
  isPathSegmentName,
  isQualifiedName,
  parseGroupVersion,
} from '#apimachinery';
import { cel } from '#cel';
import { checkSelector } from '../../core/v1/pod/pod-scheduling.validation.js';
import type { MatchCondition, MatchResources, ParamKind, ParamRef, Variable } from '../../generated/types.js';
import type { FieldCursor } from '../../validation/field-cursor.js';
import { checkMatchResources } from './match-rules.validation.js';
import { PolicyExpressions } from './policy-expressions.js';

/** What policies and their bindings have in common, and the conditions that webhooks have too. */

export const failurePolicies = ['Fail', 'Ignore'];
export const reinvocationPolicies = ['IfNeeded', 'Never'];
const notFoundActions = ['Deny', 'Allow'];
const MAX_MATCH_CONDITIONS = 64;
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

export function checkMatchConditions(
  at: FieldCursor,
  conditions: readonly MatchCondition[] | undefined,
  expressions: PolicyExpressions = new PolicyExpressions(false),
): void {
  if (conditions === undefined) return;
  if (conditions.length > MAX_MATCH_CONDITIONS) {
    at.tooMany('matchConditions', conditions.length, MAX_MATCH_CONDITIONS);
  }
  const seen = new Set<string>();
  at.each('matchConditions', conditions, ({ name = '', expression = '' }) => {
    if (expression.trim() === '') at.required('expression');
    else expressions.check(at, 'expression', expression.trim(), cel.bool);
    if (name === '') at.required('name');
    else {
      at.format('name', name, isQualifiedName);
      if (seen.has(name)) at.duplicate('name', name);
      seen.add(name);
    }
  });
}

export function checkVariables(
  at: FieldCursor,
  variables: readonly Variable[] | undefined,
  expressions: PolicyExpressions,
): void {
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
