import { lister, type Objects, onePod, refused, request } from '../testing/admission-requests.js';
import { type LimitedResource, ResourceQuota } from './resource-quota.js';

const quota = (hard: object, used: object, spec: object = {}) => ({ spec: { hard, ...spec }, status: { hard, used } });
const pod = (cpu?: string, spec: object = {}) =>
  onePod({ ...spec, containers: [{ name: 'c', image: 'i', resources: cpu ? { requests: { cpu } } : {} }] });

async function judge(
  quotas: Objects[string],
  asked: ReturnType<typeof request>,
  limited: LimitedResource[] = [],
): Promise<void> {
  const plugin = new ResourceQuota(lister({ resourcequotas: quotas }), limited);
  if (plugin.handles(asked)) plugin.validate(asked);
}

const limited = (more: Partial<LimitedResource>): LimitedResource => ({
  apiGroup: '',
  resource: 'pods',
  matchContains: [],
  matchScopes: [],
  ...more,
});

describe('ResourceQuota', () => {
  test('wants compute resources to be said once they are limited, of every container', async () => {
    const cpu = {
      'web/q': quota({ 'limits.cpu': '1', 'requests.cpu': '1' }, { 'limits.cpu': '0', 'requests.cpu': '0' }),
    };
    const text = 'pods "x" is forbidden: failed quota: q: must specify limits.cpu for: c; requests.cpu for: c';
    await refused(judge(cpu, request('CREATE', 'pods', pod())), text);
    await judge(cpu, request('CREATE', 'pods', pod(undefined, { resources: { requests: { cpu: '1' } } })));
    await judge({}, request('CREATE', 'pods', pod()));
  });

  test('knows nothing of a quota before its use is counted', async () => {
    const fresh = { 'web/q': { spec: { hard: { pods: '1' } } } };
    await judge(fresh, request('CREATE', 'pods', pod()));
    const half = { 'web/q': quota({ pods: '1', 'count/pods': '1' }, { pods: '0' }) };
    await refused(
      judge(half, request('CREATE', 'pods', pod())),
      'pods "x" is forbidden: status unknown for quota: q, resources: count/pods,pods',
    );
  });

  test('judges a dry run by what the status says', async () => {
    const full = { 'web/q': quota({ pods: '1' }, { pods: '1' }), 'web/r': quota({ pods: '2' }, { pods: '1' }) };
    const text = 'pods "x" is forbidden: exceeded quota: q, requested: pods=1, used: pods=1, limited: pods=1';
    await refused(judge(full, request('CREATE', 'pods', pod(), { dryRun: true })), text);
    // Without a dry run the counters decide.
    await judge(full, request('CREATE', 'pods', pod()));
  });

  test('leaves alone what cannot change the use', async () => {
    const cpu = { 'web/q': quota({ 'limits.cpu': '1' }, {}) };
    const oldObject = { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'x' }, spec: { containers: [] } };
    await judge(cpu, request('UPDATE', 'pods', pod(), { oldObject }));
    await judge(cpu, request('UPDATE', 'pods/status', pod(), { oldObject }));
    await judge(cpu, request('CREATE', 'namespaces', {}));
  });

  test('wants a quota for what the configuration limits', async () => {
    const names = [limited({ matchContains: ['requests.cpu'] })];
    await refused(
      judge({}, request('CREATE', 'pods', pod('1')), names),
      'pods "x" is forbidden: insufficient quota to consume: requests.cpu',
    );
    await judge({}, request('CREATE', 'pods', pod()), names);
    await judge(
      { 'web/q': quota({ 'requests.cpu': '9' }, { 'requests.cpu': '0' }) },
      request('CREATE', 'pods', pod('1')),
      names,
    );

    const scope = { scopeName: 'PriorityClass', operator: 'In', values: ['high'] };
    const scopes = [limited({ matchScopes: [scope] })];
    const high = pod(undefined, { priorityClassName: 'high' });
    await refused(
      judge({}, request('CREATE', 'pods', high), scopes),
      'insufficient quota to match these scopes: [{PriorityClass In [high]}]',
      500,
    );
    await judge({}, request('CREATE', 'pods', pod()), scopes);
    const scopeSelector = { matchExpressions: [scope] };
    await judge(
      { 'web/q': quota({ pods: '1' }, { pods: '0' }, { scopeSelector }) },
      request('CREATE', 'pods', high),
      scopes,
    );
  });
});
