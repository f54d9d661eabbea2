import assert from 'node:assert/strict';
import { existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { silentLogger } from '#client';
import { PodPaths } from '../pod/pod-paths.js';
import { CriError } from '../runtime/cri.js';
import { LocalPathFolders } from '../volumes/local-path-folders.js';
import { ScrubError } from '../volumes/volume-scrubber.js';
import { subresources } from './authorization.js';
import { type NodeServer, startNodeServer } from './node-server.js';
import { TestCertificates } from './testing/certificates.js';
import { FakePods } from './testing/fake-pods.js';
import { FakeRuntime } from './testing/fake-runtime.js';
import { followChannels, NodeClient, readChannels } from './testing/node-client.js';
import { ReviewClient } from './testing/review-client.js';

const SUCCESS = '{"metadata":{},"status":"Success"}';
const FAILURE = JSON.stringify({
  metadata: {},
  status: 'Failure',
  message: 'command terminated with non-zero exit code: exit status 5',
  reason: 'NonZeroExitCode',
  details: { causes: [{ reason: 'ExitCode', message: '5' }] },
});

describe('node server', () => {
  let certificates: TestCertificates;
  let server: NodeServer;
  let runtime: FakeRuntime;
  let client: NodeClient;
  let reviews: ReviewClient;
  let now: number;
  let directory: string;
  const pods = new FakePods();

  beforeAll(async () => {
    certificates = await TestCertificates.create();
    runtime = await FakeRuntime.start();
    reviews = new ReviewClient();
    now = Date.now();
    directory = mkdtempSync(join(tmpdir(), 'berth-node-'));
    pods.add('web', { id: 'running', image: 'web:1' });
    pods.add('done', { id: 'done', state: 'exited' });
    server = await startNodeServer({
      nodeName: 'node-1',
      address: '127.0.0.1',
      port: 0,
      tls: certificates.tls,
      cri: {
        ...runtime.cri,
        containerStatus: async (id: string) => ({ logPath: join(directory, `${id}.log`) }),
        execSync: async () => ({ stdout: 'out', stderr: 'err', exitCode: 0 }),
      } as any,
      pods,
      client: reviews.client,
      logger: silentLogger,
      nodeLogDirectory: directory,
      configuration: () => ({ port: 10250 }),
      folders: new LocalPathFolders(directory, new PodPaths(join(directory, 'agent'), join(directory, 'logs'))),
      scrubber: {
        async scrub(path) {
          if (path !== '/disk') throw new ScrubError('path', `${path} belongs to the system`);
        },
      },
      metrics: () => 'agent_metric 1\n',
      now: () => now,
    });
    client = new NodeClient(server.port, certificates.ca, await certificates.issue('CN=admin, O=system:masters'));
  });

  afterAll(async () => {
    await server.close();
    runtime.close();
    certificates.remove();
    rmSync(directory, { recursive: true, force: true });
  });

  beforeEach(() => {
    reviews.asked.length = 0;
    reviews.allow = () => true;
    reviews.broken = false;
    runtime.refusal = undefined;
    // Past the lifetime of every cached answer.
    now += 3_600_000;
  });

  describe('access', () => {
    it('knows users by certificate, with their organizations as groups', async () => {
      assert.equal((await client.get('/pods')).code, 200);
      assert.deepEqual(reviews.asked[0]!['spec'], {
        user: 'admin',
        groups: ['system:masters', 'system:authenticated'],
        resourceAttributes: { verb: 'get', version: 'v1', resource: 'nodes', subresource: 'pods', name: 'node-1' },
      });
    });

    it('refuses who shows nothing, a certificate of another authority, or one that is no client', async () => {
      const anonymous = await new NodeClient(server.port, certificates.ca).get('/pods');
      assert.deepEqual([anonymous.code, anonymous.body], [401, 'Unauthorized']);
      const others = await TestCertificates.create();
      const foreign = new NodeClient(server.port, certificates.ca, await others.issue('CN=admin, O=system:masters'));
      assert.equal((await foreign.get('/healthz')).code, 401);
      const serving = await certificates.issue('CN=admin', '1.3.6.1.5.5.7.3.1');
      assert.equal((await new NodeClient(server.port, certificates.ca, serving).get('/pods')).code, 401);
      assert.equal(reviews.asked.length, 0);
      others.remove();
    });

    it('takes the last of several common names, as the API server does', async () => {
      const several = await certificates.issue('CN=first, O=dev, CN=last');
      assert.equal((await new NodeClient(server.port, certificates.ca, several).get('/pods')).code, 200);
      assert.equal((reviews.asked[0]!['spec'] as { user: string }).user, 'last');
    });

    it('knows users by token, and asks once in a while', async () => {
      reviews.tokens.set('good', { username: 'robot', groups: ['robots'] });
      const good = new NodeClient(server.port, certificates.ca, undefined, { Authorization: 'Bearer good' });
      assert.equal((await good.get('/pods')).code, 200);
      assert.equal((await good.get('/pods')).code, 200);
      assert.deepEqual(
        reviews.asked.map(({ kind }) => kind),
        ['TokenReview', 'SubjectAccessReview'],
      );
      const bad = new NodeClient(server.port, certificates.ca, undefined, { Authorization: 'Bearer bad' });
      assert.equal((await bad.get('/pods')).code, 401);
    });

    it('says who may not do what, and asks again after 30 seconds', async () => {
      reviews.allow = () => false;
      const denied = await client.get('/exec/default/web/main?command=ls&output=1', 'POST');
      assert.equal(denied.code, 403);
      assert.match(denied.body, /^Forbidden \(user=admin, verb=create, resource=nodes, subresource\(s\)=\[proxy\]\)/);
      await assert.rejects(
        client.webSocket('/exec/default/web/main?command=ls&output=1', ['v4.channel.k8s.io']),
        /^Error: 403 Forbidden/,
      );
      reviews.allow = () => true;
      assert.equal((await client.get('/exec/default/web/main', 'POST')).code, 403);
      now += 31_000;
      assert.equal((await client.get('/exec/default/web/main', 'POST')).code, 400);
    });

    it('fails when the API server is away, and lives on what it knows', async () => {
      assert.equal((await client.get('/pods')).code, 200);
      reviews.broken = true;
      assert.equal((await client.get('/pods')).code, 200);
      const answer = await client.get('/configz');
      assert.equal(answer.code, 500);
      assert.match(answer.body, /^Authorization error \(user=admin, verb=get, resource=nodes, subresource=configz\)/);
    });

    it('makes and deletes folders of volumes for who may use nodes/proxy', async () => {
      const folder = 'pvc-01234567-89ab-cdef-0123-456789abcdef_ns_data';
      const path = `/volumes/local-path/${folder}`;
      const made = await client.get(path, 'PUT');
      assert.deepEqual(
        [made.code, JSON.parse(made.body)],
        [200, { path: join(directory, 'storage', folder), limited: false }],
      );
      assert.ok(existsSync(join(directory, 'storage', folder)));
      assert.deepEqual(JSON.parse((await client.get('/volumes/local-path/')).body), { folders: [folder] });
      assert.equal((await client.get(`${path}?capacity=1048576`, 'PATCH')).body, '{"limited":false}');
      writeFileSync(join(directory, 'storage', folder, 'file'), '');
      assert.equal((await client.get(`${path}?onlyEmpty=true`, 'DELETE')).code, 200);
      assert.ok(existsSync(join(directory, 'storage', folder)));
      assert.equal((await client.get(path, 'DELETE')).code, 200);
      assert.ok(!existsSync(join(directory, 'storage', folder)));
      for (const [other, code] of [
        ['logs', 400],
        ['pvc-1', 400],
        ['..%2Flogs', 404],
      ] as const) {
        assert.equal((await client.get(`/volumes/local-path/${other}`, 'DELETE')).code, code, other);
      }
      assert.equal((await client.get(path)).code, 404);
      assert.equal((await client.get(path, 'POST')).code, 405);
      for (const query of ['', '?capacity=', '?capacity=1Gi', '?capacity=-1', '?capacity=99999999999999999']) {
        assert.equal((await client.get(`${path}${query}`, 'PATCH')).code, 400, query);
      }
      const asked = reviews.asked.map(({ spec }) => (spec as any).resourceAttributes);
      assert.deepEqual(
        asked.map(({ verb, subresource }) => `${verb} ${subresource}`),
        ['update proxy', 'get proxy', 'patch proxy', 'delete proxy', 'create proxy'],
      );
      now += 3_600_000;
      reviews.allow = () => false;
      assert.equal((await client.get(path, 'PUT')).code, 403);
    });

    it('empties volumes for who may use nodes/proxy', async () => {
      const scrub = async (path: string) => {
        const { code, body } = await client.get(`/volumes/contents?path=${encodeURIComponent(path)}`, 'DELETE');
        return `${code} ${body.trim()}`;
      };
      assert.equal(await scrub('/disk'), '200 {}');
      assert.equal(await scrub('/etc'), '400 /etc belongs to the system');
      assert.equal((await client.get('/volumes/contents')).code, 405);
      const [asked] = reviews.asked.map(({ spec }) => (spec as any).resourceAttributes);
      assert.deepEqual([asked.verb, asked.subresource], ['delete', 'proxy']);
      now += 3_600_000;
      reviews.allow = () => false;
      assert.match(await scrub('/disk'), /^403 /);
    });

    it('takes fine-grained permissions before nodes/proxy', async () => {
      const table: [string, string[]][] = [
        ['/pods', ['pods', 'proxy']],
        ['/runningpods/', ['pods', 'proxy']],
        ['/healthz/syncloop', ['healthz', 'proxy']],
        ['/configz', ['configz', 'proxy']],
        ['/stats/summary', ['stats']],
        ['/metrics', ['metrics']],
        ['/metrics/resource', ['metrics']],
        ['/logs/', ['log']],
        ['/podsecrets', ['proxy']],
        ['/exec/default/web/main', ['proxy']],
        ['/containerLogs/default/web/main', ['proxy']],
      ];
      for (const [path, expected] of table) assert.deepEqual(subresources(path), expected, path);
    });
  });

  describe('paths', () => {
    it('answers 404, and 405 with what is allowed', async () => {
      assert.equal((await client.get('/nothing')).code, 404);
      const { code, response } = await client.get('/containerLogs/default/web/main', 'POST');
      assert.deepEqual([code, response.headers.allow], [405, 'GET']);
      assert.equal((await client.get('/exec/default/web/main')).body, 'Upgrade request required');
    });

    it('shows health, pods, configuration and metrics', async () => {
      assert.equal((await client.get('/healthz')).body, 'ok');
      const list = JSON.parse((await client.get('/pods')).body);
      assert.deepEqual([list.kind, list.items.map((pod: any) => pod.metadata.name)], ['PodList', ['web', 'done']]);
      const running = JSON.parse((await client.get('/runningpods/')).body);
      assert.deepEqual(
        running.items.map((pod: any) => pod.spec.containers),
        [[{ name: 'main', image: 'web:1' }]],
      );
      assert.deepEqual(JSON.parse((await client.get('/configz')).body), { kubeletconfig: { port: 10250 } });
      const metrics = (await client.get('/metrics')).body;
      assert.match(metrics, /^kubelet_running_containers\{container_state="exited"\} 1$/m);
      assert.match(metrics, /\nagent_metric 1\n$/);
    });

    it("shows the node's logs, and nothing outside of their folder", async () => {
      mkdirSync(join(directory, 'pods'));
      writeFileSync(join(directory, 'pods', 'a b.log'), 'content');
      symlinkSync('/etc/passwd', join(directory, 'outside'));
      assert.match((await client.get('/logs/')).body, /<a href="pods\/">pods\/<\/a>/);
      assert.match((await client.get('/logs/pods/')).body, /<a href="a%20b.log">a b.log<\/a>/);
      assert.equal((await client.get('/logs/pods/a%20b.log')).body, 'content');
      for (const path of ['/logs/outside', '/logs/..%2f..%2fetc/passwd', '/logs/none']) {
        assert.equal((await client.get(path)).code, 404, path);
      }
    });
  });

  describe('logs', () => {
    const waiting = (reason: string) => ({ state: { waiting: { reason } } });
    const table: [what: string, query: string, status: object, code: number, body: string][] = [
      ['creating', '', waiting('ContainerCreating'), 400, 'is waiting to start: ContainerCreating'],
      ['pull', '', waiting('ErrImagePull'), 400, "is waiting to start: image can't be pulled"],
      ['backoff', '', waiting('ImagePullBackOff'), 400, 'is waiting to start: trying and failing to pull image'],
      ['nothing', '', { state: {} }, 400, 'is waiting to start - no logs yet'],
      ['lost', '', { state: { terminated: { exitCode: 137 } } }, 400, 'is terminated'],
    ];
    for (const [name, query, status, code, body] of table) {
      it(`says why there is none: ${name}`, async () => {
        pods.add(`log-${name}`, { id: 'x', state: 'created' }, status as any);
        const answer = await client.get(`/containerLogs/default/log-${name}/main${query}`);
        assert.deepEqual([answer.code, answer.body], [code, `container "main" in pod "log-${name}" ${body}`]);
      });
    }

    it('says that pod or container do not exist', async () => {
      const none = await client.get('/containerLogs/default/none/main');
      assert.deepEqual([none.code, none.body], [404, 'pod "none" does not exist']);
      const other = await client.get('/containerLogs/default/web/other');
      assert.deepEqual([other.code, other.body], [404, 'container "other" not found in pod "web"']);
      const previous = await client.get('/containerLogs/default/web/main?previous=true');
      assert.equal(previous.body, 'previous terminated container "main" in pod "web" not found');
      assert.equal((await client.get('/containerLogs/default/web/main?tailLines=-1')).code, 422);
    });

    it('reads the container that ran before', async () => {
      writeFileSync(join(directory, 'first.log'), '2030-01-01T00:00:00Z stdout F first\n');
      writeFileSync(join(directory, 'second.log'), '2030-01-01T00:00:00Z stdout F second\n');
      const lastState = { terminated: { exitCode: 1, containerID: 'containerd://first' } };
      pods.add('crash', { id: 'second', state: 'exited' }, { lastState } as any);
      assert.equal((await client.get('/containerLogs/default/crash/main')).body, 'second\n');
      assert.equal((await client.get('/containerLogs/default/crash/main?previous=true')).body, 'first\n');
      // Between two runs the last one is shown.
      pods.add('back', { id: 'first', state: 'exited' }, { ...waiting('CrashLoopBackOff'), lastState } as any);
      assert.equal((await client.get('/containerLogs/default/back/main')).body, 'first\n');
    });

    it('gives a follower its header at once', async () => {
      writeFileSync(join(directory, 'running.log'), '');
      const response = await client.open('/containerLogs/default/web/main?follow=true');
      assert.equal(response.statusCode, 200);
      response.destroy();
    });
  });

  describe('exec over WebSocket', () => {
    const path = '/exec/default/web/main?command=sh&command=-c&input=1&output=1&error=1';

    it('asks the runtime for what the client wants, and opens streams in its order', async () => {
      runtime.calls.length = 0;
      let opened: string[] = [];
      runtime.onSession = async (session) => {
        await session.stream('resize');
        opened = session.opened.map((stream) => stream.headers['streamtype']!);
        (await session.stream('error')).write(SUCCESS);
        session.connection.close();
      };
      await readChannels(await client.webSocket(`${path}&tty=1`, ['v4.channel.k8s.io']));
      const request = {
        containerId: 'running',
        cmd: ['sh', '-c'],
        tty: true,
        stdin: true,
        stdout: true,
        stderr: false,
      };
      assert.deepEqual(runtime.calls, [{ method: 'exec', request }]);
      assert.deepEqual(opened, ['error', 'stdin', 'stdout', 'resize']);
    });

    const protocols: [name: string, status: string][] = [
      ['v5.channel.k8s.io', FAILURE],
      ['v4.channel.k8s.io', FAILURE],
      ['v4.base64.channel.k8s.io', FAILURE],
      ['channel.k8s.io', 'command terminated with non-zero exit code: exit status 5'],
      ['base64.channel.k8s.io', 'command terminated with non-zero exit code: exit status 5'],
    ];
    for (const [name, status] of protocols) {
      it(`carries input, output and status for ${name}`, async () => {
        let received = '';
        runtime.onSession = async (session) => {
          const stderr = await session.stream('stderr');
          const [stdin, stdout] = [await session.stream('stdin'), await session.stream('stdout')];
          stdin.once('data', async (data: Buffer) => {
            received = data.toString();
            stdout.write('out');
            stderr.write(Buffer.from([0, 255, 128]));
            (await session.stream('error')).write(FAILURE);
            session.connection.close();
          });
        };
        const ws = await client.webSocket(path, ['unknown.k8s.io', name]);
        assert.equal(ws.protocol, name);
        const answer = readChannels(ws);
        ws.send(name.includes('base64') ? `0${Buffer.from('in').toString('base64')}` : Buffer.from('\0in'));
        const channels = await answer;
        assert.equal(received, 'in');
        assert.deepEqual([channels.get(1), channels.get(2), channels.get(3)], ['out', '\x00\xff\x80', status]);
      });
    }

    it('passes on the end of input with v5, and resizes', async () => {
      let [input, sizes] = ['', ''];
      runtime.onSession = async (session) => {
        const resize = await session.stream('resize');
        resize.on('data', (data: Buffer) => {
          sizes += data.toString();
        });
        input = await text(await session.stream('stdin'));
        (await session.stream('error')).write(SUCCESS);
        session.connection.close();
      };
      const ws = await client.webSocket(`${path}&tty=1`, ['v5.channel.k8s.io']);
      const answer = readChannels(ws);
      ws.send(Buffer.from('\x04{"Width":80,"Height":24}'));
      ws.send(Buffer.from('\0some'));
      ws.send(Buffer.from('\0thing'));
      ws.send(Buffer.from([255, 0]));
      ws.send(Buffer.from('\0too late'));
      assert.equal((await answer).get(3), SUCCESS);
      assert.deepEqual([input, sizes], ['something', '{"Width":80,"Height":24}']);
    });

    it('tells of a runtime that refuses or breaks off', async () => {
      runtime.refusal = { code: 404, text: 'token is gone' };
      const refused = await readChannels(await client.webSocket(path, ['v5.channel.k8s.io']));
      assert.match(JSON.parse(refused.get(3)!).message, /token is gone/);
      runtime.refusal = undefined;
      runtime.onSession = async (session) => {
        await session.stream('stderr');
        session.connection.close();
      };
      const broken = await readChannels(await client.webSocket(path, ['v5.channel.k8s.io']));
      const status = JSON.parse(broken.get(3)!);
      assert.deepEqual([status.status, status.code], ['Failure', 500]);
    });

    it('ends the session when the client goes away', async () => {
      const session = new Promise<{ closed: Promise<void> }>((resolve) => {
        runtime.onSession = ({ connection }) => resolve(connection);
      });
      const ws = await client.webSocket(path, ['v4.channel.k8s.io']);
      const { closed } = await session;
      ws.terminate();
      await closed;
      for (let tries = 0; runtime.connections > 0 && tries < 200; tries++) await sleep(10);
      assert.equal(runtime.connections, 0);
    });

    it('refuses before it switches', async () => {
      const table: [string, string, RegExp][] = [
        ['/exec/default/none/main?output=1', 'v4.channel.k8s.io', /404 pod does not exist/],
        ['/exec/default/web/other-uid/main?output=1', 'v4.channel.k8s.io', /404 pod not found/],
        ['/exec/default/done/main?output=1', 'v4.channel.k8s.io', /500 container not found \("main"\)/],
        ['/exec/default/web/main?command=a', 'v4.channel.k8s.io', /400 you must specify at least 1 of stdin/],
        ['/exec/default/web/main?output=1', 'v9.channel.k8s.io', /403 requested protocol\(s\) are not supported/],
        ['/portForward/default/web', 'v4.channel.k8s.io', /400 query parameter "port" is required/],
        ['/portForward/default/web?port=0', 'v4.channel.k8s.io', /400 port "0" must be > 0/],
        ['/portForward/default/web?port=x', 'v4.channel.k8s.io', /400 unable to parse "x" as a port/],
      ];
      for (const [target, protocol, expected] of table)
        await assert.rejects(client.webSocket(target, [protocol]), expected);
    });
  });

  it('forwards ports by channels', async () => {
    runtime.onSession = async (session) => {
      const first = await session.stream('data', '80');
      const second = await session.stream('data', '8443');
      first.pipe(first);
      second.end('hello');
      const errors = await session.stream('error', '8443');
      errors.end('error forwarding port 8443');
      (await session.stream('error', '80')).end();
    };
    const ws = await client.webSocket('/portForward/default/web?port=80,8443', ['v4.channel.k8s.io']);
    const expected = ['P\0ping', 'P\0', '\xfb\x20hello', '\xfb\x20error forwarding port 8443'];
    const channels = followChannels(ws);
    ws.send(Buffer.from('\0ping'));
    await channels.received(expected.join('').length);
    // For what should not come.
    await sleep(100);
    ws.close();
    await channels.closed;
    assert.deepEqual(
      [0, 1, 2, 3].map((channel) => channels.texts.get(channel)),
      expected,
    );
  });

  it('answers a SPDY client with what the runtime refuses', async () => {
    runtime.refusal = { code: 403, text: 'unable to upgrade' };
    const headers = { Upgrade: 'SPDY/3.1', 'X-Stream-Protocol-Version': 'v4.channel.k8s.io' };
    const attempt = client.upgrade('/exec/default/web/main?command=a&output=1', headers);
    await assert.rejects(attempt, /^Error: 403 unable to upgrade/);
  });

  it('maps the codes of the runtime', async () => {
    const { asHttpError } = await import('./http-error.js');
    const table: [number, number][] = [
      [5, 404],
      [3, 400],
      [8, 429],
      [4, 504],
      [2, 500],
    ];
    for (const [grpc, http] of table) assert.equal(asHttpError(new CriError(grpc, 'x')).code, http);
  });
});
