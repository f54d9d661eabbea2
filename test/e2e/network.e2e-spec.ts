import assert from 'node:assert/strict';
import type { ChildProcess } from 'node:child_process';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { describeUnless } from '#testing';
import { Cluster, clusterMissing, until } from './cluster.js';
import { echoPod, serviceOf } from './manifests.js';

const IMAGE = 'berth.local/web:1';
const DNS = '10.96.0.10';
/** curl's exit code for a refused connection; one that times out has 28. */
const REFUSED = 7;

describeUnless(clusterMissing(), 'the network of pods and Services', () => {
  let cluster: Cluster;
  let outside: ChildProcess;
  const ips = new Map<string, string>();

  const ipOf = async (service: string) => (await cluster.json('get', 'service', service)).spec.clusterIP as string;
  const curl = (address: string) => cluster.run(['curl', '-sS', '--max-time', '5', `http://${address}/`]);
  const page = async (address: string) => (await curl(address)).stdout.trim();
  const inPod = (pod: string, script: string) =>
    cluster.run(['kubectl', `--kubeconfig=${cluster.kubeconfig}`, 'exec', pod, '--', 'sh', '-c', script]);
  /** The page as a pod gets it: busybox's wget, linked statically, cannot look up ports by their names. */
  const pageIn = async (pod: string, host: string, port = 80) => {
    const script = `printf 'GET / HTTP/1.0\\r\\n\\r\\n' | nc -w 5 ${host} ${port}`;
    const { stdout, stderr } = await inPod(pod, script);
    return stdout.includes('200 OK') ? stdout.trim().split('\n').at(-1)! : stderr;
  };
  /** Asks cluster DNS through its Service, from the node; an error's code when there is no answer. */
  const ask = async (type: string, name: string) => {
    const script = `const r = new (require('dns').promises.Resolver)({ timeout: 2000, tries: 1 }); r.setServers(['${DNS}']);
      r.resolve('${name}', '${type}').then((a) => console.log(JSON.stringify(a)), (e) => console.log(JSON.stringify(e.code)));`;
    return JSON.parse(await cluster.ok([process.execPath, '-e', script]));
  };

  beforeAll(async () => {
    cluster = new Cluster('network');
    const responder = join(dirname(fileURLToPath(import.meta.url)), 'dns-responder.js');
    outside = cluster.spawn([process.execPath, responder, cluster.nodeIp, '5300']);
    await cluster.up(`--dns-upstream=${cluster.nodeIp}:5300`);
    await cluster.importImage(IMAGE, 'page');
    const line = 'i=0; while [ $i -lt 40 ]; do i=$((i+1)); echo line $i; sleep 0.2; done';
    const stream = `while :; do nc -l -p 9000 -e sh -c '${line}'; done`;
    await cluster.apply(
      [
        ...['echo-a', 'echo-b', 'echo-c'].map((name) => echoPod(name, IMAGE, { app: 'echo' })),
        echoPod('alone', IMAGE, { app: 'alone' }, 'hostname: alpha, subdomain: headless'),
        echoPod('bound', IMAGE, { app: 'bound' }, '', 'hostPort: 8888'),
        `apiVersion: v1\nkind: Pod\nmetadata: {name: stream, labels: {app: stream}}\nspec: {terminationGracePeriodSeconds: 1, containers: [{name: c, image: ${IMAGE}, command: [sh, -c, ${JSON.stringify(stream)}]}]}\n`,
        serviceOf('echo', 'selector: {app: echo}, ports: [{name: http, port: 80, targetPort: 8080}]'),
        serviceOf('alone', 'selector: {app: alone}, ports: [{port: 80, targetPort: 8080}]'),
        serviceOf('headless', 'clusterIP: None, selector: {app: alone}, ports: [{name: http, port: 8080}]'),
        serviceOf('all', 'clusterIP: None, selector: {app: echo}, ports: [{name: http, port: 8080}]'),
        serviceOf('nobody', 'selector: {app: nobody}, ports: [{port: 80}]'),
        serviceOf('sticky', 'selector: {app: echo}, sessionAffinity: ClientIP, ports: [{port: 80, targetPort: 8080}]'),
        serviceOf(
          'open',
          'type: NodePort, selector: {app: echo}, ports: [{port: 80, targetPort: 8080, nodePort: 30090}]',
        ),
        serviceOf('balanced', 'type: LoadBalancer, selector: {app: echo}, ports: [{port: 8900, targetPort: 8080}]'),
        serviceOf('stream', 'selector: {app: stream}, ports: [{port: 9000}]'),
        serviceOf('elsewhere', 'type: ExternalName, externalName: outside.example.test'),
        serviceOf('by-hand', 'ports: [{name: dns, protocol: UDP, port: 53, targetPort: 5300}]'),
        `apiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\nmetadata: {name: by-hand, labels: {kubernetes.io/service-name: by-hand}}\naddressType: IPv4\nendpoints: [{addresses: [${cluster.nodeIp}]}]\nports: [{name: dns, protocol: UDP, port: 5300}]\n`,
      ].join('---\n'),
    );
    await cluster.kubectl('wait', '--for=condition=Ready', 'pods', '--all', '--timeout=60s');
    for (const pod of (await cluster.json('get', 'pods')).items) ips.set(pod.metadata.name, pod.status.podIP);
    const echo = await ipOf('echo');
    await until('the Service answers', async () => (await page(echo)).startsWith('echo-'));
  });
  afterAll(async () => {
    outside?.kill();
    await cluster?.close();
  });

  test('connections spread evenly over the endpoints', async () => {
    const script = `for i in $(seq 150); do curl -s --max-time 5 http://${await ipOf('echo')}/; done`;
    const names = (await cluster.ok(['sh', '-c', script])).trim().split('\n');
    const counts = new Map<string, number>();
    for (const name of names) counts.set(name, (counts.get(name) ?? 0) + 1);
    assert.equal(names.length, 150);
    assert.equal(counts.size, 3);
    // Fifty each; 25 off is more than four standard deviations.
    for (const [name, count] of counts) assert.ok(Math.abs(count - 50) <= 25, `${name} got ${count} of 150`);
  });

  test('a pod reaches itself through its own Service', async () => {
    assert.equal(await pageIn('alone', 'alone'), 'alpha');
  });

  test('a Service without endpoints refuses at once', async () => {
    const begun = Date.now();
    const fromNode = await curl(await ipOf('nobody'));
    assert.equal(fromNode.code, REFUSED, fromNode.stderr);
    assert.match(await pageIn('alone', 'nobody'), /Connection refused/);
    assert.ok(Date.now() - begun < 4000, `took ${Date.now() - begun} ms`);
  });

  test('session affinity keeps a client at one endpoint', async () => {
    const script = `for i in $(seq 20); do curl -s --max-time 5 http://${await ipOf('sticky')}/; done`;
    const names = (await cluster.ok(['sh', '-c', script])).trim().split('\n');
    assert.equal(names.length, 20);
    assert.equal(new Set(names).size, 1, names.join(' '));
  });

  test('a NodePort answers on the address of the node and on loopback', async () => {
    for (const address of [cluster.nodeIp, '127.0.0.1']) assert.match(await page(`${address}:30090`), /^echo-/);
    assert.match(await pageIn('alone', cluster.nodeIp, 30090), /^echo-/);
  });

  test('a LoadBalancer answers at its port on the address of the node, also for pods', async () => {
    const { status } = await cluster.json('get', 'service', 'balanced');
    assert.deepEqual(status.loadBalancer.ingress, [{ ip: cluster.nodeIp, ipMode: 'VIP' }]);
    await until('the node answers', async () => (await page(`${cluster.nodeIp}:8900`)).startsWith('echo-'));
    assert.match(await pageIn('alone', cluster.nodeIp, 8900), /^echo-/);
  });

  test('a hostPort leads to its pod', async () => {
    assert.equal(await page(`${cluster.nodeIp}:8888`), 'bound');
    assert.equal(await page('127.0.0.1:8888'), 'bound');
  });

  test('pods reach each other, and the API by its name', async () => {
    assert.equal(await pageIn('alone', ips.get('echo-a')!, 8080), 'echo-a');
    const api = await inPod('alone', 'nc -w 2 kubernetes.default 443 < /dev/null && echo reached');
    assert.match(api.stdout, /reached/, api.stderr);
  });

  test('DNS gives Services, headless Services, host names, ports and reverse names', async () => {
    const suffix = 'default.svc.cluster.local';
    assert.deepEqual(await ask('A', `echo.${suffix}`), [await ipOf('echo')]);
    const echoes = ['echo-a', 'echo-b', 'echo-c'].map((name) => ips.get(name)!).sort();
    assert.deepEqual((await ask('A', `all.${suffix}`)).sort(), echoes);
    assert.deepEqual(await ask('A', `alpha.headless.${suffix}`), [ips.get('alone')]);
    const port = await ask('SRV', `_http._tcp.headless.${suffix}`);
    assert.deepEqual([port[0].port, port[0].name], [8080, `alpha.headless.${suffix}`]);
    const services = await ask('SRV', `_http._tcp.echo.${suffix}`);
    // Node's resolver may add the type of the record.
    assert.deepEqual(
      services.map(({ name, port: number, priority, weight }: any) => ({ name, port: number, priority, weight })),
      [{ name: `echo.${suffix}`, port: 80, priority: 0, weight: 100 }],
    );
    const reversed = (await ipOf('echo')).split('.').reverse().join('.');
    assert.deepEqual(await ask('PTR', `${reversed}.in-addr.arpa`), [`echo.${suffix}`]);
    assert.deepEqual(await ask('A', `${ips.get('alone')!.replaceAll('.', '-')}.default.pod.cluster.local`), [
      ips.get('alone'),
    ]);
    assert.equal(await ask('A', `nothing.${suffix}`), 'ENOTFOUND');
    assert.equal(await ask('AAAA', `echo.${suffix}`), 'ENODATA');
  });

  test('inside a pod short names, its own name and outside names resolve', async () => {
    const own = await inPod('alone', 'hostname; hostname -f; cat /etc/resolv.conf /etc/hosts');
    assert.match(own.stdout, /^alpha\nalpha\.headless\.default\.svc\.cluster\.local\n/, own.stdout);
    assert.match(own.stdout, new RegExp(`nameserver ${DNS.replaceAll('.', '\\.')}`));
    assert.match(own.stdout, /search default\.svc\.cluster\.local svc\.cluster\.local cluster\.local/);
    assert.match(own.stdout, /options ndots:5/);
    assert.equal(await pageIn('echo-a', 'alpha.headless', 8080), 'alpha');
    const foreign = await inPod('echo-a', 'nslookup -type=a outside.example.test');
    assert.match(foreign.stdout, /Address: 192\.0\.2\.7/, JSON.stringify(foreign));
  });

  test('an ExternalName leads outside', async () => {
    const name = 'elsewhere.default.svc.cluster.local';
    assert.deepEqual(await ask('CNAME', name), ['outside.example.test']);
    assert.deepEqual(await ask('A', name), ['192.0.2.7']);
  });

  test('a UDP Service with endpoints made by hand works from a pod', async () => {
    const { stdout } = await inPod('echo-b', `nslookup -type=a other.example.test ${await ipOf('by-hand')}`);
    assert.match(stdout, /Address: 192\.0\.2\.7/, stdout);
  });

  test('endpoints that come and go change what a Service answers', async () => {
    const address = await ipOf('nobody');
    await cluster.apply(echoPod('somebody', IMAGE, { app: 'nobody' }, '', '', 80));
    await until('it answers', async () => (await page(address)) === 'somebody', 20);
    await cluster.kubectl('delete', 'pod', 'somebody');
    await until('it refuses', async () => (await curl(address)).code === REFUSED, 20);
  });

  test('annotations limit how fast a pod receives and sends', async () => {
    const limits = 'kubernetes.io/ingress-bandwidth: 800M, kubernetes.io/egress-bandwidth: 400M';
    const sink = `sleep 600 | nc -l -p 9001 > /dev/null`;
    await cluster.apply(
      `apiVersion: v1\nkind: Pod\nmetadata: {name: limited, annotations: {${limits}}}\nspec: {terminationGracePeriodSeconds: 1, containers: [{name: c, image: ${IMAGE}, command: [sh, -c, ${JSON.stringify(sink)}]}]}\n`,
    );
    await cluster.kubectl('wait', '--for=condition=Ready', 'pod/limited', '--timeout=30s');
    const shapers = async () => {
      const lines = (await cluster.ok(['tc', 'qdisc', 'show'])).split('\n').filter((line) => line.includes(' tbf '));
      return lines.map((line) => line.replace(/^.* dev (bwp|veth)\S* .* rate (\S+) .*$/, '$1 $2')).sort();
    };
    // What the pod receives leaves the node by the pod's link; what it sends goes by another one.
    assert.deepEqual(await shapers(), ['bwp 400Mbit', 'veth 800Mbit']);
    const { podIP } = (await cluster.json('get', 'pod', 'limited')).status;
    // The runtime lets 512 MiB pass at once; what comes behind it keeps to the rate: 100 MB in a second.
    const begun = Date.now();
    await cluster.ok(['sh', '-c', `head -c 900M /dev/zero | /bin/busybox nc ${podIP} 9001`]);
    assert.ok(Date.now() - begun > 3000, `took ${Date.now() - begun} ms`);
    await cluster.kubectl('delete', 'pod', 'limited');
    assert.deepEqual(await shapers(), []);
    assert.equal(await cluster.ok(['ip', '-o', 'link', 'show', 'type', 'ifb']), '');
  });

  test('rules that somebody flushed come back', async () => {
    const echo = await ipOf('echo');
    // Whichever mode serves Services: those of iptables as well, where its programs write by nftables.
    await cluster.ok(['iptables', '-w', '-t', 'nat', '-F']);
    await cluster.ok(['iptables', '-w', '-t', 'nat', '-X']);
    await cluster.ok(['nft', 'flush', 'ruleset']);
    assert.notEqual((await curl(echo)).code, 0);
    await until('the Service answers again', async () => (await page(echo)).startsWith('echo-'), 60);
    assert.match(await page(`${cluster.nodeIp}:30090`), /^echo-/);
  });

  test('connections and rules survive the agent', async () => {
    const [stream, echo] = [await ipOf('stream'), await ipOf('echo')];
    const child = cluster.spawn(['/bin/busybox', 'nc', stream, '9000']);
    let text = '';
    child.stdout!.on('data', (chunk) => {
      text += chunk;
    });
    const ended = new Promise((resolve) => child.on('close', resolve));
    await until('the stream runs', async () => text.includes('line 5'), 20);
    const agent = await cluster.pidOf('agent');
    process.kill(agent, 'SIGKILL');
    const without = await curl(echo);
    assert.match(without.stdout, /^echo-/, without.stderr);
    await until('another agent runs', async () => {
      const pid = await cluster.pidOf('agent');
      return pid > 0 && pid !== agent;
    });
    await Promise.race([ended, sleep(20_000)]);
    assert.equal(text.trim().split('\n').at(-1), 'line 40');
    const after = await curl(echo);
    assert.match(after.stdout, /^echo-/, after.stderr);
  });
});
