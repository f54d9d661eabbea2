import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { LATEST } from '../pod-security/pod-policy.js';
import { readAdmissionConfiguration } from './admission-configuration.js';
import { parseNodeSelector } from './pod-node-selector.configuration.js';

const HEAD = 'apiVersion: apiserver.config.k8s.io/v1\nkind: AdmissionConfiguration\n';
const POD_SECURITY = { apiVersion: 'pod-security.admission.config.k8s.io/v1', kind: 'PodSecurityConfiguration' };
const QUOTA = { apiVersion: 'apiserver.config.k8s.io/v1', kind: 'ResourceQuotaConfiguration' };
const EVENTS = { apiVersion: 'eventratelimit.admission.k8s.io/v1alpha1', kind: 'Configuration' };

describe('the file of --admission-control-config-file', () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'berth-admission-'));
  });
  afterAll(() => rm(folder, { recursive: true }));

  async function read(text: string) {
    const file = join(folder, 'admission.yaml');
    await writeFile(file, text);
    return readAdmissionConfiguration(file);
  }

  const plugin = (name: string, configuration: object) =>
    read(`${HEAD}plugins: ${JSON.stringify([{ name, configuration }])}`);

  test('may be left out', async () => {
    assert.deepEqual(await readAdmissionConfiguration(''), {});
    assert.deepEqual(await read(HEAD), {});
  });

  test('has the defaults and the exemptions of PodSecurity', async () => {
    const defaults = { enforce: 'baseline', 'enforce-version': 'v1.30', warn: 'restricted' };
    const { podSecurity } = await plugin('PodSecurity', {
      ...POD_SECURITY,
      defaults,
      exemptions: { usernames: ['root'], namespaces: ['kube-system'] },
    });
    assert.deepEqual(podSecurity, {
      defaults: {
        enforce: { level: 'baseline', version: 30 },
        audit: { level: 'privileged', version: LATEST },
        warn: { level: 'restricted', version: LATEST },
      },
      exempt: { usernames: new Set(['root']), runtimeClasses: new Set(), namespaces: new Set(['kube-system']) },
    });
  });

  test('has what only quotas permit, limits of events and selectors of nodes', async () => {
    const limited = {
      resource: 'pods',
      matchScopes: [{ scopeName: 'PriorityClass', operator: 'In', values: ['high'] }],
    };
    assert.deepEqual((await plugin('ResourceQuota', { ...QUOTA, limitedResources: [limited] })).limitedResources, [
      { apiGroup: '', matchContains: [], ...limited },
    ]);
    const limits = [{ type: 'Namespace', qps: 50, burst: 100 }];
    assert.deepEqual((await plugin('EventRateLimit', { ...EVENTS, limits })).eventLimits, [
      { ...limits[0], cacheSize: 4096 },
    ]);
    const podNodeSelectorPluginConfig = { clusterDefaultNodeSelector: 'a=b', web: 'a=b,c=d' };
    assert.deepEqual(
      (await plugin('PodNodeSelector', { podNodeSelectorPluginConfig })).nodeSelectors,
      new Map(Object.entries(podNodeSelectorPluginConfig)),
    );
  });

  test('refers to other files beside it', async () => {
    await writeFile(join(folder, 'quota.yaml'), JSON.stringify({ ...QUOTA, limitedResources: [{ resource: 'pods' }] }));
    const { limitedResources } = await read(`${HEAD}plugins: [{name: ResourceQuota, path: quota.yaml}]`);
    assert.equal(limitedResources?.[0]?.resource, 'pods');
  });

  const wrong: [what: string, text: string, message: RegExp][] = [
    ['no YAML', '{', /admission\.yaml: /],
    ['another kind', 'apiVersion: v1\nkind: Pod', /\.apiVersion: must be one of apiserver\.config\.k8s\.io\/v1/],
    ['an unknown plugin', `${HEAD}plugins: [{name: Nothing}]`, /plugins\[0\]\.name: no such plugin: "Nothing"/],
    [
      'a plugin without settings',
      `${HEAD}plugins: [{name: Priority, configuration: {}}]`,
      /Priority takes no configuration/,
    ],
    ['a plugin twice', `${HEAD}plugins: [{name: Priority}, {name: Priority}]`, /configured twice/],
    ['a file that is missing', `${HEAD}plugins: [{name: PodSecurity, path: none.yaml}]`, /none\.yaml: ENOENT/],
  ];
  test.each(wrong)('is refused with %s', async (_, text, message) => {
    await assert.rejects(read(text), message);
  });

  const wrongPlugins: [name: string, configuration: object, message: RegExp][] = [
    [
      'PodSecurity',
      { ...POD_SECURITY, defaults: { enforce: 'strict' } },
      /defaults\.enforce: must be one of privileged/,
    ],
    [
      'PodSecurity',
      { ...POD_SECURITY, defaults: { 'warn-version': '1.2' } },
      /defaults\.warn-version: must be "latest"/,
    ],
    ['PodSecurity', { ...POD_SECURITY, defaults: { enforced: 'baseline' } }, /unknown field "enforced"/],
    ['PodSecurity', { ...POD_SECURITY, exemptions: { usernames: [''] } }, /usernames\[0\]: username must not be empty/],
    ['PodSecurity', { ...POD_SECURITY, exemptions: { namespaces: ['A'] } }, /namespaces\[0\]: /],
    [
      'PodSecurity',
      { ...POD_SECURITY, exemptions: { namespaces: ['a', 'a'] } },
      /namespaces\[1\]: Duplicate value: "a"/,
    ],
    ['ResourceQuota', { ...QUOTA, limitedResources: [{}] }, /limitedResources\[0\]\.resource: Required value/],
    ['EventRateLimit', { ...EVENTS, limits: [] }, /limits: must not be empty/],
    ['EventRateLimit', { ...EVENTS, limits: [{ type: 'Node', qps: 1, burst: 1 }] }, /type: must be one of Server/],
    ['EventRateLimit', { ...EVENTS, limits: [{ type: 'Server', qps: 0, burst: 1 }] }, /qps: must be positive/],
    ['PodNodeSelector', { podNodeSelectorPluginConfig: { web: 'a' } }, /web: must be a list as a=b,c=d/],
  ];
  test.each(wrongPlugins)('is refused with a mistake in what it says of %s', async (name, configuration, message) => {
    await assert.rejects(plugin(name, configuration), message);
  });

  test('selects nodes by lists of labels', () => {
    assert.deepEqual(parseNodeSelector('a=b, c = d'), new Map(Object.entries({ a: 'b', c: 'd' })));
    assert.deepEqual(parseNodeSelector(''), new Map());
    assert.equal(parseNodeSelector('a==b'), undefined);
  });
});
