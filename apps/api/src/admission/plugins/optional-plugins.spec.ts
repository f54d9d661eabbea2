import assert from 'node:assert/strict';
import { type AdmissionPluginName, enabledAdmissionPlugins } from '#settings';
import { createAdmission } from '../admission-chain.js';
import type { AdmissionConfiguration } from '../configuration/admission-configuration.js';
import { lister, nobody, type Objects, onePod, refused, request, run } from '../testing/admission-requests.js';
import { EventRateLimit } from './event-rate-limit.js';

/** The plugins that are off by default, one at a time beside those that are on. */
function withPlugin(name: AdmissionPluginName, configuration: AdmissionConfiguration = {}, objects: Objects = {}) {
  const base: Objects = { namespaces: { '/web': {} }, serviceaccounts: { 'web/default': {} } };
  const enabled = enabledAdmissionPlugins([name], []);
  return createAdmission({ lister: lister({ ...base, ...objects }), authorizer: nobody, enabled, configuration });
}

describe('plugins that are off by default', () => {
  test('do nothing unless they are enabled', () => {
    const on = enabledAdmissionPlugins([], []);
    assert.ok(on.has('PodSecurity') && on.has('ResourceQuota') && on.has('NodeRestriction'));
    assert.equal(on.has('AlwaysPullImages'), false);
    assert.equal(enabledAdmissionPlugins([], ['PodSecurity']).has('PodSecurity'), false);
  });

  test('AlwaysPullImages has every image asked for, and lets updates without new images be', async () => {
    const plugins = withPlugin('AlwaysPullImages');
    const pod = onePod({
      initContainers: [{ name: 'i', image: 'j', imagePullPolicy: 'Never' }],
      volumes: [{ name: 'v', image: {} }],
    });
    const { spec } = await run(plugins, request('CREATE', 'pods', pod));
    assert.deepEqual(
      [spec.containers[0].imagePullPolicy, spec.initContainers[0].imagePullPolicy, spec.volumes[0].image.pullPolicy],
      ['Always', 'Always', 'Always'],
    );
    const oldObject = { apiVersion: 'v1', kind: 'Pod', ...onePod({ priority: 0 }, { name: 'x' }) } as never;
    const kept = await run(plugins, request('UPDATE', 'pods', onePod({ priority: 0 }), { oldObject }));
    assert.equal(kept.spec.containers[0].imagePullPolicy, undefined);
  });

  test('LimitPodHardAntiAffinityTopology', async () => {
    const pod = (topologyKey: string) =>
      onePod({ affinity: { podAntiAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [{ topologyKey }] } } });
    const plugins = withPlugin('LimitPodHardAntiAffinityTopology');
    await run(plugins, request('CREATE', 'pods', pod('kubernetes.io/hostname')));
    await refused(
      run(plugins, request('CREATE', 'pods', pod('zone'))),
      'pods "x" is forbidden: affinity.PodAntiAffinity.RequiredDuringScheduling has TopologyKey zone but only key kubernetes.io/hostname is allowed',
    );
  });

  test('DenyServiceExternalIPs lets a Service keep what it has', async () => {
    const plugins = withPlugin('DenyServiceExternalIPs');
    const service = (...externalIPs: string[]) => ({ metadata: { name: 'x' }, spec: { externalIPs } });
    const oldObject = { apiVersion: 'v1', kind: 'Service', ...service('1.2.3.4', '1.2.3.5') };
    await run(plugins, request('CREATE', 'services', service()));
    await run(plugins, request('UPDATE', 'services', service('1.2.3.5'), { oldObject }));
    const text = 'services "x" is forbidden: Use of external IPs is denied by admission control';
    await refused(run(plugins, request('CREATE', 'services', service('1.2.3.4'))), text);
    await refused(run(plugins, request('UPDATE', 'services', service('1.2.3.6'), { oldObject })), text);
  });

  test('NamespaceExists', async () => {
    const plugins = withPlugin('NamespaceExists');
    const gone = { namespace: 'gone', oldObject: { apiVersion: 'v1', kind: '', metadata: { name: 'x' } } };
    await refused(run(plugins, request('DELETE', 'configmaps', undefined, gone)), 'namespaces "gone" not found', 404);
  });

  test('PodNodeSelector adds what the namespace or the cluster wants, and refuses what contradicts it', async () => {
    const nodeSelectors = new Map(
      Object.entries({ clusterDefaultNodeSelector: 'disk=any', web: 'env=test,disk=any,zone=a' }),
    );
    const annotated = {
      namespaces: {
        '/web': { metadata: { annotations: { 'scheduler.alpha.kubernetes.io/node-selector': 'env=test' } } },
      },
    };
    const select = async (objects: Objects, nodeSelector?: object) =>
      (
        await run(
          withPlugin('PodNodeSelector', { nodeSelectors }, objects),
          request('CREATE', 'pods', onePod({ nodeSelector })),
        )
      ).spec.nodeSelector;
    assert.deepEqual(await select({}), { disk: 'any' });
    assert.deepEqual(await select(annotated, { zone: 'a' }), { zone: 'a', env: 'test' });
    await refused(
      select(annotated, { env: 'live' }),
      'pods "x" is forbidden: pod node label selector conflicts with its namespace node label selector',
    );
    await refused(
      select(annotated, { other: 'x' }),
      'pods "x" is forbidden: pod node label selector labels conflict with its namespace whitelist',
    );
  });

  test('ExtendedResourceToleration', async () => {
    const containers = [
      { name: 'c', image: 'i', resources: { requests: { cpu: '1', 'b.com/y': '1', 'a.com/x': '1' } } },
    ];
    const { spec } = await run(
      withPlugin('ExtendedResourceToleration'),
      request('CREATE', 'pods', onePod({ containers })),
    );
    const keys = spec.tolerations
      .filter(({ key }: any) => key.includes('.com/'))
      .map(({ key, effect }: any) => [key, effect]);
    assert.deepEqual(keys, [
      ['a.com/x', 'NoSchedule'],
      ['b.com/y', 'NoSchedule'],
    ]);
  });

  test('EventRateLimit fills its buckets as time goes by, for each key', () => {
    let now = 0;
    const limit = { type: 'Namespace', qps: 2, burst: 2, cacheSize: 2 } as const;
    const plugin = new EventRateLimit([limit], () => now);
    const write = (namespace: string, dryRun = false) =>
      plugin.validate(request('CREATE', 'events', {}, { namespace, dryRun }));
    write('a');
    write('a');
    assert.throws(() => write('a'), { code: 429, message: /limit reached on type Namespace for key a/ });
    write('a', true);
    write('b');
    now = 500;
    write('a');
    assert.throws(() => write('a'), { code: 429 });
    // Of more keys than are remembered, the one that was used first is forgotten.
    write('b');
    write('c');
    write('a');
  });

  test('PodResizeValidator', async () => {
    const nodes = (labels: object) => ({
      nodes: { '/n': { metadata: { labels }, status: { allocatable: { cpu: '2', memory: '1Gi' } } } },
    });
    const pod = (cpu: string, generation: number, nodeName = 'n') =>
      onePod(
        { nodeName, containers: [{ name: 'c', image: 'i', resources: { requests: { cpu, memory: '1Mi' } } }] },
        { name: 'x', generation },
      );
    const resize = (cpu: string, objects: Objects, nodeName?: string) => {
      const oldObject = { apiVersion: 'v1', kind: 'Pod', ...pod('1', 1, nodeName) } as never;
      return run(
        withPlugin('NamespaceLifecycle', {}, objects),
        request('UPDATE', 'pods/resize', pod(cpu, 2, nodeName), { oldObject }),
      );
    };
    await resize('2', nodes({ 'kubernetes.io/os': 'linux' }));
    await refused(
      resize('2001m', nodes({})),
      `pods "x" is forbidden: node didn't have enough allocatable resources: cpu, requested: 2001, allocatable: 2000`,
    );
    await refused(
      resize('1', nodes({ 'kubernetes.io/os': 'windows' })),
      'pods "x" is forbidden: pod resize is only supported on linux nodes, node "n" is "windows"',
    );
    await refused(resize('1', {}), 'pods "x" is forbidden: node "n" not found');
  });
});
