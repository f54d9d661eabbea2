import { isDNS1123Label, isDNS1123Subdomain } from '#apimachinery';
import type { CelAuthorizationDecision, CelAuthorizationQuery, CelAuthorizer } from '../authorizer.js';
import type { Functions } from '../check/declarations.js';
import { type CelType, cel } from '../type.js';
import { fail, OpaqueValue, type Value } from '../values/value.js';
import { AUTHORIZER, DECISION, GROUP_CHECK, PATH_CHECK, RESOURCE_CHECK } from './authorizer-types.js';

/** Questions to the authorizer: k8s.io/apiserver/pkg/cel/library/authz.go. */

type Query = Omit<CelAuthorizationQuery, 'verb'>;

/** A question that is not complete yet. */
class CheckValue extends OpaqueValue {
  constructor(
    readonly type: CelType,
    readonly authorizer: CelAuthorizer,
    readonly query: Query,
  ) {
    super();
  }

  equals(other: OpaqueValue): boolean {
    return other === this;
  }

  with(type: CelType, part: Query): CheckValue {
    return new CheckValue(type, this.authorizer, { ...this.query, ...part });
  }

  check(verb: string): DecisionValue {
    return new DecisionValue(this.authorizer.authorize({ ...this.query, verb }));
  }
}

class DecisionValue extends OpaqueValue {
  readonly type = DECISION;

  constructor(readonly decision: CelAuthorizationDecision) {
    super();
  }

  equals(other: OpaqueValue): boolean {
    return other === this;
  }
}

/** The value of a variable that an authorizer gives; undefined without one. */
export function authorizerVariable(name: string, authorizer: CelAuthorizer | undefined): Value | undefined {
  if (authorizer === undefined) return undefined;
  if (name === 'authorizer') return new CheckValue(AUTHORIZER, authorizer, {});
  return authorizer.requestResource && new CheckValue(RESOURCE_CHECK, authorizer, { ...authorizer.requestResource });
}

export function declareAuthorizer(functions: Functions): void {
  const { bool, string } = cel;
  const check = (value: Value | undefined) => value as CheckValue;
  functions.member('path', 'authorizer_path', [AUTHORIZER, string], PATH_CHECK, (authorizer, path) =>
    check(authorizer).with(PATH_CHECK, { path: notEmpty('path', path as string) }),
  );
  functions.member('group', 'authorizer_group', [AUTHORIZER, string], GROUP_CHECK, (authorizer, group) =>
    check(authorizer).with(GROUP_CHECK, { group: group as string }),
  );
  const account = [AUTHORIZER, string, string];
  functions.member(
    'serviceAccount',
    'authorizer_serviceaccount',
    account,
    AUTHORIZER,
    (authorizer, namespace, name) =>
      new CheckValue(AUTHORIZER, check(authorizer).authorizer, {
        serviceAccount: serviceAccount(namespace as string, name as string),
      }),
  );
  functions.member('resource', 'groupcheck_resource', [GROUP_CHECK, string], RESOURCE_CHECK, (group, resource) =>
    check(group).with(RESOURCE_CHECK, { resource: notEmpty('resource', resource as string) }),
  );
  const refine = (name: 'subresource' | 'namespace' | 'name' | 'fieldSelector' | 'labelSelector', id: string) =>
    functions.member(name, id, [RESOURCE_CHECK, string], RESOURCE_CHECK, (resource, text) =>
      check(resource).with(RESOURCE_CHECK, { [name]: text as string }),
    );
  refine('subresource', 'resourcecheck_subresource');
  refine('namespace', 'resourcecheck_namespace');
  refine('name', 'resourcecheck_name');
  refine('fieldSelector', 'authorizer_fieldselector');
  refine('labelSelector', 'authorizer_labelselector');
  functions.member('check', 'pathcheck_check', [PATH_CHECK, string], DECISION, (path, verb) =>
    check(path).check(verb as string),
  );
  functions.member('check', 'resourcecheck_check', [RESOURCE_CHECK, string], DECISION, (resource, verb) =>
    check(resource).check(verb as string),
  );
  const decided = (name: string, type: CelType, of: (decision: CelAuthorizationDecision) => Value) =>
    functions.member(name, `decision_${name}`, [DECISION], type, (value) => of((value as DecisionValue).decision));
  decided('errored', bool, ({ error }) => error !== undefined);
  decided('error', string, ({ error }) => error ?? '');
  decided('allowed', bool, ({ allowed }) => allowed);
  decided('reason', string, ({ reason }) => reason ?? '');
}

function notEmpty(what: string, text: string): string {
  return text.trim() === '' ? fail(`${what} must not be empty`) : text;
}

function serviceAccount(namespace: string, name: string): { namespace: string; name: string } {
  if (isDNS1123Subdomain(name).length > 0) fail('Invalid service account name');
  if (isDNS1123Label(namespace).length > 0) fail('Invalid service account namespace');
  return { namespace, name };
}

/** For JSON patches of mutating policies. */
export function declareJsonPatch(functions: Functions): void {
  functions.global('jsonpatch.escapeKey', 'string_jsonpatch_escapeKey_string', [cel.string], cel.string, (key) =>
    (key as string).replaceAll('~', '~0').replaceAll('/', '~1'),
  );
}
