import assert from 'node:assert/strict';
import type { UserInfo } from '#apimachinery';
import { allResources, ResourceCatalog } from '#kinds';
import type { AuthorizationAttributes } from '../../authorization/authorizer.js';
import type { AdmissionRequest } from '../admission-request.js';
import { alice, lister, type Objects, refused, request } from '../testing/admission-requests.js';
import { PolicyParameterCheck } from './policy-parameter-check.js';

const GROUP = 'admissionregistration.k8s.io';
const SECRETS = { apiVersion: 'v1', kind: 'Secret' };
const ALICE = '&{alice  [system:authenticated] map[]}';
const catalog = new ResourceCatalog(allResources());

/** The check for who may do what `may` says; `asked` has what was asked for, as `verb version.resource.group namespace/name`. */
function rig(may: boolean, objects: Objects = {}) {
  const asked: string[] = [];
  const authorize = ({ verb, group, version, resource, namespace, name }: AuthorizationAttributes) => {
    asked.push(`${verb} ${version}.${resource}.${group} ${namespace}/${name}`);
    return { decision: may ? 'Allow' : 'NoOpinion', reason: '' } as const;
  };
  return { asked, check: new PolicyParameterCheck(lister(objects), { authorize }, catalog) };
}

const policies = {
  [`${GROUP}/validatingadmissionpolicies`]: {},
  [`${GROUP}/mutatingadmissionpolicies`]: {},
} as Objects;
for (const all of Object.values(policies)) {
  Object.assign(all, {
    '/secrets': { spec: { paramKind: SECRETS } },
    '/odd': { spec: { paramKind: { apiVersion: 'example.com/v1', kind: 'Odd' } } },
    '/plain': { spec: {} },
  });
}

const write = (
  resource: string,
  kind: string,
  spec: object,
  old?: object,
  user: UserInfo = alice,
): AdmissionRequest => {
  const more = {
    ...{ namespace: '', user, kind: { group: GROUP, version: 'v1', kind } },
    ...(old ? { oldObject: { spec: old } as never } : {}),
  };
  return request(old ? 'UPDATE' : 'CREATE', `${resource}.${GROUP}`, { spec }, more);
};
const policy = (spec: object, old?: object, user?: UserInfo) =>
  write('validatingadmissionpolicies', 'ValidatingAdmissionPolicy', spec, old, user);
const binding = (spec: object, old?: object) =>
  write('validatingadmissionpolicybindings', 'ValidatingAdmissionPolicyBinding', spec, old);
const mutating = (spec: object) => write('mutatingadmissionpolicybindings', 'MutatingAdmissionPolicyBinding', spec);

describe('the parameters of a policy', () => {
  const refusal = `ValidatingAdmissionPolicy.${GROUP} "x" is invalid: spec.paramKind: Forbidden: user ${ALICE} must have "get" permission on all objects of the referenced paramKind (kind=Secret, apiVersion=v1)`;

  it('are for those who may read them all', async () => {
    const { check, asked } = rig(false);
    await refused(check.validate(policy({ paramKind: SECRETS })), refusal, 422);
    assert.deepEqual(asked, ['get v1.secrets. */*']);
    await rig(true).check.validate(policy({ paramKind: SECRETS }));
  });

  it('are asked for again only when they are of another kind', async () => {
    const { check, asked } = rig(false);
    await check.validate(policy({ paramKind: SECRETS, failurePolicy: 'Ignore' }, { paramKind: SECRETS }));
    await check.validate(policy({}));
    assert.deepEqual(asked, []);
    const before = { paramKind: { apiVersion: 'v1', kind: 'ConfigMap' } };
    await refused(check.validate(policy({ paramKind: SECRETS }, before)), refusal, 422);
  });

  it('of a kind that is not served are everything of its version', async () => {
    const { check, asked } = rig(true);
    await check.validate(policy({ paramKind: { apiVersion: 'example.com/v1', kind: 'Odd' } }));
    assert.deepEqual(asked, ['get v1.*.example.com */*']);
  });

  it('are free for administrators', async () => {
    const { check, asked } = rig(false);
    await check.validate(policy({ paramKind: SECRETS }, undefined, { name: 'root', groups: ['system:masters'] }));
    assert.deepEqual(asked, []);
  });

  it('name whom they are refused, with all that is known of the user', async () => {
    const user = { name: 'bob', uid: '7', groups: ['a', 'b'], extra: { z: ['1'], k: ['2', '3'] } };
    const shown = /user &\{bob 7 \[a b\] map\[k:\[2 3\] z:\[1\]\]\} must have/;
    await refused(rig(false).check.validate(policy({ paramKind: SECRETS }, undefined, user)), shown, 422);
  });
});

describe('the parameters of a binding', () => {
  const cases: [string, AdmissionRequest, string, string][] = [
    [
      'by name',
      binding({ policyName: 'secrets', paramRef: { name: 'a', namespace: 'web' } }),
      'get v1.secrets. web/a',
      `user ${ALICE} does not have "get" permission on the object referenced by paramRef`,
    ],
    [
      'by selector',
      binding({ policyName: 'secrets', paramRef: { selector: {} } }),
      'list v1.secrets. /',
      `user ${ALICE} does not have "list" permission on the object referenced by paramRef`,
    ],
    [
      'of a mutating policy',
      mutating({ policyName: 'secrets', paramRef: { name: 'a' } }),
      'get v1.secrets. /a',
      `user get does not have "${ALICE}" permission on the object referenced by paramRef`,
    ],
    [
      'of a policy that is not there',
      binding({ policyName: 'none', paramRef: { name: 'a' } }),
      'get *.*.* /a',
      `unable to get policy none to determine minimum required permissions and user ${ALICE} does not have "get" permission for all groups, versions and resources`,
    ],
    [
      'of a kind that is not served',
      binding({ policyName: 'odd', paramRef: { name: 'a' } }),
      'get v1.*.example.com /a',
      `unable to resolve paramKind &{example.com/v1 Odd} to determine minimum required permissions and user ${ALICE} does not have "get" permission for all groups, versions and resources`,
    ],
    [
      'of a policy without parameters',
      binding({ policyName: 'plain', paramRef: { name: 'a' } }),
      'get *.*.* /a',
      `user ${ALICE} does not have "get" permission on the object referenced by paramRef`,
    ],
  ];
  for (const [what, asked, attributes, why] of cases) {
    it(`${what} are for those who may read them`, async () => {
      const { check, asked: questions } = rig(false, policies);
      await refused(
        check.validate(asked),
        `${asked.kind.kind}.${GROUP} "x" is invalid: spec.paramRef: Forbidden: ${why}`,
        422,
      );
      assert.deepEqual(questions, [attributes]);
      await rig(true, policies).check.validate(asked);
    });
  }

  it('are asked for at each write, and only where there are some', async () => {
    const { check, asked } = rig(true, policies);
    const spec = { policyName: 'secrets', paramRef: { name: 'a', parameterNotFoundAction: 'Deny' } };
    await check.validate(binding(spec, spec));
    await check.validate(binding({ policyName: 'secrets' }));
    assert.equal(asked.length, 1);
  });
});
