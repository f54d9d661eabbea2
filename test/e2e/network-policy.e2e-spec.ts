import assert from 'node:assert/strict';
import { describeUnless } from '#testing';
import { Cluster, clusterMissing, until } from './cluster.js';
import { echoPod, serviceOf } from './manifests.js';

const IMAGE = 'berth.local/web:1';

const policy = (name: string, spec: string, namespace = 'default') =>
  `apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: ${name}, namespace: ${namespace}}\nspec: {${spec}}\n`;
const DNS = `to: [{namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: kube-system}}, podSelector: {matchLabels: {k8s-app: kube-dns}}}], ports: [{port: 53, protocol: UDP}]`;

describeUnless(clusterMissing(), 'NetworkPolicies', () => {
  let cluster: Cluster;
  const ips = new Map<string, string>();

  /** What the pod gets of a host: its page, or '' when nothing answers. */
  const page = async (pod: string, host: string, port = 8080, namespace = 'default') => {
    const script = `printf 'GET / HTTP/1.0\\r\\n\\r\\n' | nc -w 2 ${host} ${port}`;
    const command = [
      'kubectl',
      `--kubeconfig=${cluster.kubeconfig}`,
      'exec',
      '-n',
      namespace,
      pod,
      '--',
      'sh',
      '-c',
      script,
    ];
    const { stdout } = await cluster.run(command);
    return stdout.includes('200 OK') ? stdout.trim().split('\n').at(-1)! : '';
  };
  const nodePage = async (host: string) =>
    (await cluster.run(['curl', '-sS', '--max-time', '2', `http://${host}:8080/`])).stdout.trim();
  /** The server of a pod takes one connection after the other, and none in between. */
  const reaches = (what: string, ask: () => Promise<string>, expected: string) =>
    until(what, async () => (await ask()) === expected, 10);
  const removePolicies = () => cluster.kubectl('delete', 'networkpolicies', '--all');

  beforeAll(async () => {
    cluster = new Cluster('policies');
    await cluster.up();
    await cluster.importImage(IMAGE, 'page');
    const stranger = echoPod('stranger', IMAGE, { app: 'client' }).replace(
      'metadata: {',
      'metadata: {namespace: far, ',
    );
    await cluster.apply('apiVersion: v1\nkind: Namespace\nmetadata: {name: far, labels: {team: far}}\n');
    await cluster.apply(
      [
        echoPod('server', IMAGE, { app: 'server' }),
        echoPod('client', IMAGE, { app: 'client' }),
        echoPod('other', IMAGE, { app: 'other' }),
        stranger,
        serviceOf('server', 'selector: {app: server}, ports: [{port: 80, targetPort: 8080}]'),
      ].join('---\n'),
    );
    await cluster.kubectl('wait', '--for=condition=Ready', 'pods', '--all', '-A', '--timeout=60s');
    for (const { metadata, status } of (await cluster.json('get', 'pods', '-A')).items) {
      ips.set(metadata.name, status.podIP);
    }
  });
  afterAll(() => cluster?.close());

  test('writing one brings no warning, and default deny lets in only the node', async () => {
    const server = ips.get('server')!;
    await reaches('all get in', () => page('client', server), 'server');
    const { stderr } = await cluster.run(['kubectl', `--kubeconfig=${cluster.kubeconfig}`, 'apply', '-f', '-'], {
      input: policy('deny', 'podSelector: {matchLabels: {app: server}}, policyTypes: [Ingress]'),
    });
    assert.doesNotMatch(stderr, /Warning/);
    await reaches('the client is cut off', () => page('client', server), '');
    assert.equal(await page('client', 'server', 80), '', 'by its Service as well');
    await reaches('the node gets in', () => nodePage(server), 'server');
    // Its own host name would be its own address.
    await reaches('a pod reaches itself by its Service', () => page('server', 'server.default', 80), 'server');
    await reaches('others are not isolated', () => page('client', ips.get('other')!), 'other');
  });

  test('peers are let in by pods, namespaces and ports', async () => {
    const server = ips.get('server')!;
    await cluster.apply(
      policy(
        'allow',
        'podSelector: {matchLabels: {app: server}}, ingress: [{from: [{podSelector: {matchLabels: {app: client}}}], ports: [{port: 8080}]}]',
      ),
    );
    await reaches('the client gets in', () => page('client', server), 'server');
    await reaches('by its Service as well', () => page('client', 'server', 80), 'server');
    assert.equal(await page('other', server), '');
    assert.equal(await page('stranger', server, 8080, 'far'), '');
    await cluster.apply(
      policy(
        'allow',
        'podSelector: {matchLabels: {app: server}}, ingress: [{from: [{namespaceSelector: {matchLabels: {team: far}}}]}]',
      ),
    );
    await reaches('the other namespace gets in', () => page('stranger', server, 8080, 'far'), 'server');
    assert.equal(await page('client', server), '');
    // Labels decide at once.
    await cluster.kubectl('label', 'namespace', 'far', 'team=away', '--overwrite');
    await reaches('the namespace is cut off', () => page('stranger', server, 8080, 'far'), '');
    await removePolicies();
    await reaches('without policies all get in', () => page('client', server), 'server');
  });

  test('egress to nobody but DNS resolves names, and a rule for the server lets it be reached', async () => {
    await cluster.apply(
      policy('egress', `podSelector: {matchLabels: {app: client}}, policyTypes: [Egress], egress: [{${DNS}}]`),
    );
    await reaches('the client gets nowhere', () => page('client', ips.get('server')!), '');
    const resolved = await cluster.run([
      ...['kubectl', `--kubeconfig=${cluster.kubeconfig}`, 'exec', 'client', '--'],
      ...['nslookup', '-type=a', 'server.default.svc.cluster.local'],
    ]);
    assert.match(resolved.stdout, /Name:\s+server\.default/, JSON.stringify(resolved));
    await reaches('answers get out', () => page('other', ips.get('client')!), 'client');
    const to = 'to: [{podSelector: {matchLabels: {app: server}}}]';
    await cluster.apply(
      policy('egress', `podSelector: {matchLabels: {app: client}}, policyTypes: [Egress], egress: [{${DNS}}, {${to}}]`),
    );
    await reaches('the server is reached by name', () => page('client', 'server', 80), 'server');
    assert.equal(await page('client', ips.get('other')!), '');
    await removePolicies();
  });

  test('a new pod is isolated before its first packet', async () => {
    await cluster.apply(policy('deny-all', 'podSelector: {matchLabels: {app: eager}}, policyTypes: [Egress]'));
    const script = `printf 'GET / HTTP/1.0\\r\\n\\r\\n' | nc -w 1 ${ips.get('server')} 8080 2>/dev/null | grep -q OK && echo leaked || echo sealed`;
    for (let turn = 0; turn < 3; turn++) {
      await cluster.apply(
        `apiVersion: v1\nkind: Pod\nmetadata: {name: eager-${turn}, labels: {app: eager}}\nspec: {restartPolicy: Never, containers: [{name: c, image: ${IMAGE}, command: [sh, -c, ${JSON.stringify(script)}]}]}\n`,
      );
    }
    for (let turn = 0; turn < 3; turn++) {
      const name = `eager-${turn}`;
      await until(
        `${name} ends`,
        async () => (await cluster.json('get', 'pod', name)).status.phase === 'Succeeded',
        30,
      );
      assert.equal((await cluster.kubectl('logs', name)).trim(), 'sealed');
    }
    await removePolicies();
  });

  test('policies hold while the agent is down', async () => {
    const server = ips.get('server')!;
    await cluster.apply(policy('deny', 'podSelector: {matchLabels: {app: server}}, policyTypes: [Ingress]'));
    await reaches('the client is cut off', () => page('client', server), '');
    const agent = await cluster.pidOf('agent');
    process.kill(agent, 'SIGKILL');
    await reaches('the node gets in', () => nodePage(server), 'server');
    await until('another agent runs', async () => {
      const pid = await cluster.pidOf('agent');
      return pid > 0 && pid !== agent;
    });
    await until('exec works', async () => (await page('client', ips.get('other')!)) === 'other', 30);
    assert.equal(await page('client', server), '');
  });

  test('rules that somebody flushed come back', async () => {
    const server = ips.get('server')!;
    await cluster.ok(['nft', 'delete', 'table', 'ip', 'berth-policy']);
    assert.equal(await page('client', server), 'server');
    await until('the client is cut off again', async () => (await page('client', server)) === '', 60);
    await removePolicies();
    await until(
      'no table is left without a policy',
      async () => !(await cluster.ok(['nft', 'list', 'tables'])).includes('berth-policy'),
    );
  });
});
