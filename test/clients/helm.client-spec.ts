import assert from 'node:assert/strict';
import { join } from 'node:path';
import { gvr } from '#kinds';
import { describeUnless, type TestServer, testServer } from '#testing';
import { PodPlayer } from './pod-player.js';
import { clientFiles, goCommand, type Program, run, scratch } from './programs.js';

const CHART = clientFiles('helm', 'chart');
const WIDGETS = { group: 'shop.example.com', version: 'v1', resource: 'widgets' };
const NAMESPACE = 'shops';

/** Runs Helm with folders of its own, which `title` names. */
function runHelm(title: string, { command }: Program, api: TestServer, args: readonly string[]) {
  const home = scratch(title);
  const env = {
    KUBECONFIG: api.adminKubeconfig,
    HELM_CACHE_HOME: home,
    HELM_CONFIG_HOME: home,
    HELM_DATA_HOME: home,
  };
  return run([...command!, ...args, '--namespace', NAMESPACE], { env, timeoutMs: 3 * 60_000 });
}

async function succeedsWith(title: string, program: Program, api: TestServer, args: readonly string[]) {
  const { code, output } = await runHelm(title, program, api, args);
  assert.equal(code, 0, `helm ${args.join(' ')}:\n${output}`);
  return output;
}

function describeHelm(title: string, program: Program): void {
  describeUnless(program.missing, title, () => {
    let api: TestServer;
    let player: PodPlayer;

    beforeAll(async () => {
      api = await testServer({ components: ['controllers', 'scheduler'] });
      player = new PodPlayer(api.client());
    });
    afterAll(async () => {
      await player?.close();
      await api?.close();
    });

    const helm = (...args: string[]) => runHelm(title, program, api, args);
    const succeeds = (...args: string[]) => succeedsWith(title, program, api, args);
    const replicas = async () =>
      (await api.client().get<any>(gvr.deployments, NAMESPACE, 'one')).spec.replicas as number;
    const jobs = async () =>
      (await api.client().list<any>(gvr.jobs, { namespace: NAMESPACE })).items
        .filter(({ status }) => status?.succeeded === 1)
        .map(({ metadata }) => metadata.name as string)
        .sort();

    test('lints a chart', async () => {
      await succeeds('lint', CHART);
    });

    test('installs it with its definitions and hooks, and waits until it is ready', async () => {
      const output = await succeeds('install', 'one', CHART, '--create-namespace', '--wait', '--timeout=2m');
      assert.match(output, /STATUS: deployed/);
      assert.deepEqual(await jobs(), ['one-pre-install']);
      const widget = await api.client().get<any>(WIDGETS, NAMESPACE, 'one');
      assert.equal(widget.spec.size, 3);
    });

    test('renders an upgrade with what the server has, and changes nothing', async () => {
      const { uid } = (await api.client().get<any>(gvr.namespaces, '', NAMESPACE)).metadata;
      const output = await succeeds('upgrade', 'one', CHART, '--set', 'replicas=2', '--dry-run=server');
      assert.match(output, new RegExp(`namespace: "${uid}"`));
      assert.match(output, /widgets: "true"/);
      assert.equal(await replicas(), 1);
    });

    test('runs the tests of the release', async () => {
      assert.match(await succeeds('test', 'one', '--timeout=1m'), /Phase:\s+Succeeded/);
    });

    test('upgrades it', async () => {
      const output = await succeeds('upgrade', 'one', CHART, '--set', 'replicas=2', '--wait', '--timeout=2m');
      assert.match(output, /REVISION: 2/);
      assert.equal(await replicas(), 2);
      assert.deepEqual(await jobs(), ['one-post-upgrade', 'one-pre-install']);
    });

    test('shows the refusal of the server when an upgrade is wrong', async () => {
      const { code, output } = await helm('upgrade', 'one', CHART, '--set', 'badUpgrade=true,replicas=3');
      assert.notEqual(code, 0);
      assert.match(output, /requests: Invalid value: "2": must be less than or equal to cpu limit of 1/);
      assert.match(await succeeds('history', 'one'), /failed/);
    });

    test('rolls back to an earlier revision', async () => {
      await succeeds('rollback', 'one', '1', '--wait', '--timeout=2m');
      assert.equal(await replicas(), 1);
      assert.match(await succeeds('status', 'one'), /STATUS: deployed/);
      assert.match(await succeeds('get', 'manifest', 'one'), /kind: Deployment/);
    });

    test('lists releases', async () => {
      const [release] = JSON.parse(await succeeds('list', '--output=json'));
      assert.equal(release.name, 'one');
      assert.equal(release.revision, '4');
    });

    test('packages the chart and installs the package beside the first release', async () => {
      const folder = scratch(`${title} package`);
      await succeeds('package', CHART, '--destination', folder);
      await succeeds('upgrade', '--install', 'two', join(folder, 'shop-0.1.0.tgz'), '--timeout=2m');
      await succeeds('uninstall', 'two', '--wait');
    });

    test('uninstalls it with its hooks, and leaves the definitions', async () => {
      await succeeds('uninstall', 'one', '--wait', '--timeout=2m');
      await assert.rejects(api.client().get(gvr.deployments, NAMESPACE, 'one'), { code: 404 });
      assert.ok((await jobs()).includes('one-pre-delete'));
      await api.client().get(gvr.customresourcedefinitions, '', 'widgets.shop.example.com');
    });
  });
}

const helm3 = await goCommand('helm.sh/helm/v3/cmd/helm', 'v3.22.0');
const helm4 = await goCommand('helm.sh/helm/v4/cmd/helm', 'v4.3.2');
describeHelm('Helm 3', helm3);
describeHelm('Helm 4', helm4);

const UPDATES = 'A release of Helm 3 that Helm 4 goes on with by server-side apply';
describeUnless(helm3.missing ?? helm4.missing, UPDATES, () => {
  let api: TestServer;

  beforeAll(async () => {
    api = await testServer({ components: ['controllers'] });
    await succeedsWith(UPDATES, helm3, api, ['install', 'one', CHART, '--create-namespace', '--no-hooks']);
  });
  afterAll(() => api?.close());

  const deployment = () => api.client().get<any>(gvr.deployments, NAMESPACE, 'one');
  const upgrade = (...args: string[]) =>
    runHelm(UPDATES, helm4, api, ['upgrade', 'one', CHART, '--no-hooks', '--server-side=true', ...args]);

  test('moves what Helm 3 owned to the apply of Helm 4', async () => {
    assert.deepEqual(owners(await deployment()), ['helm Update']);
    const { code, output } = await upgrade('--set', 'replicas=2');
    assert.equal(code, 0, output);
    const upgraded = await deployment();
    assert.deepEqual(owners(upgraded), ['helm Apply']);
    assert.equal(upgraded.spec.replicas, 2);
  });

  test('takes a field that another owns only when it is told to', async () => {
    const patch = { apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'one' }, spec: { replicas: 3 } };
    const options = { fieldManager: 'scaler', force: true };
    await api.client().patch(gvr.deployments, NAMESPACE, 'one', 'application/apply-patch+yaml', patch, options);
    const refused = await upgrade('--set', 'replicas=1');
    assert.notEqual(refused.code, 0);
    assert.match(refused.output, /conflict with "scaler".*\.spec\.replicas/s);
    assert.equal((await deployment()).spec.replicas, 3);
    const forced = await upgrade('--set', 'replicas=1', '--force-conflicts');
    assert.equal(forced.code, 0, forced.output);
    const upgraded = await deployment();
    assert.equal(upgraded.spec.replicas, 1);
    assert.deepEqual(owners(upgraded), ['helm Apply']);
  });
});

/** Who owns the number of replicas, and by which operation. */
function owners({ metadata }: any): string[] {
  return metadata.managedFields
    .filter(({ fieldsV1 }: any) => fieldsV1['f:spec']?.['f:replicas'])
    .map(({ manager, operation }: any) => `${manager} ${operation}`);
}
