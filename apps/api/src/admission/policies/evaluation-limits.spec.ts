import assert from 'node:assert/strict';
import { setImmediate as turn } from 'node:timers/promises';
import type { KubeObject } from '#apimachinery';
import { allResources, ResourceCatalog } from '#kinds';
import { MetricsRegistry } from '#telemetry';
import { lister, nobody, refused, request } from '../testing/admission-requests.js';
import { CostBudget, OutOfBudget } from './cost-budget.js';
import { PolicyMetrics } from './policy-metrics.js';
import { ValidatingAdmissionPolicyPlugin } from './validating-admission-policy.js';
import { ValidatingPolicy } from './validating-policy.js';

const matchConstraints = {
  resourceRules: [{ apiGroups: ['*'], apiVersions: ['*'], operations: ['*'], resources: ['*'] }],
};
/** About 900,000 units. */
const COSTLY = 'range.all(x, range.all(y, x + y >= 0))';
const range = `[${Array.from({ length: 330 }, (_, i) => i)}]`;

/** Policies that each have this validation, for each of so many parameters. */
function plugin(expression: string, parameters: number, policies = 1) {
  const configMaps = Array.from({ length: parameters }, (_, i) => [`web/p${i}`, { data: {} }]);
  const bound = Array.from({ length: policies }, (_, i) => {
    const policy = new ValidatingPolicy({
      metadata: { name: `p${i}` },
      spec: {
        matchConstraints,
        paramKind: { apiVersion: 'v1', kind: 'ConfigMap' },
        validations: [{ expression: expression.replaceAll('range', range), message: 'no' }],
      },
    } as never);
    const paramRef = { selector: {}, parameterNotFoundAction: 'Deny' };
    return { policy, bindings: [{ name: 'b', actions: ['Deny'], paramRef, match: undefined }] };
  });
  return new ValidatingAdmissionPolicyPlugin(
    { list: bound as never },
    {
      catalog: new ResourceCatalog(allResources()),
      lister: lister({ namespaces: { '/web': {} }, configmaps: Object.fromEntries(configMaps) }),
      authorizer: nobody,
    },
    new PolicyMetrics(new MetricsRegistry()),
  );
}

const asked = (signal = new AbortController().signal) =>
  request('CREATE', 'secrets', { kind: 'Secret' } as Partial<KubeObject>, {
    kind: { group: '', version: 'v1', kind: 'Secret' },
    signal,
  });

describe('expressions of all policies about one request', () => {
  it('have one budget, however many parameters there are', async () => {
    await plugin(COSTLY, 5).validate(asked());
    const out = /validation failed due to running out of cost budget, no further validation rules will be run$/;
    await refused(Promise.resolve(plugin(COSTLY, 40, 3).validate(asked())), out, 422);
  });

  it('let others have their turns', async () => {
    let turns = 0;
    let over = false;
    const others = (async () => {
      for (; !over; turns++) await turn();
    })();
    await plugin(COSTLY, 40).validate(asked());
    over = true;
    await others;
    assert.ok(turns >= 8, `${turns} turns`);
  });

  it('end with the request', async () => {
    const caller = new AbortController();
    const validating = Promise.resolve(plugin(COSTLY, 40).validate(asked(caller.signal)));
    setImmediate(() => caller.abort());
    await refused(validating, 'Timeout: request did not complete within the allotted timeout', 504);
  });
});

describe('a budget', () => {
  it('is that of the part and that of the whole', () => {
    const whole = new CostBudget(10);
    const part = whole.part(6);
    part.spend(6);
    assert.throws(() => part.spend(1), OutOfBudget);
    const other = whole.part(6);
    other.spend(3);
    assert.throws(() => other.spend(1), OutOfBudget);
    assert.throws(() => whole.part(6).check(), OutOfBudget);
  });
});
