import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { issueCertificate } from '../pki/certificate-issuer.js';
import {
  bearer,
  ca,
  certificate,
  certificateOf,
  DAY_MS,
  foreignCa,
  proxyCa,
  rejected,
  token,
  world,
} from './testing/authentication-world.js';
import { LIST_PODS } from './testing/list-pods.js';

describe('client certificates', () => {
  it('give user and groups', async () => {
    const { authentication } = world();
    const user = await authentication.authenticate({
      clientCertificate: await certificate(ca, 'alice', ['dev', 'ops']),
    });
    assert.equal(user.name, 'alice');
    assert.deepEqual(user.groups, ['dev', 'ops', 'system:authenticated']);
    assert.match(user.extra!['authentication.kubernetes.io/credential-id']![0]!, /^X509SHA256=[0-9a-f]{64}$/);
  });

  it('give the same object for the same certificate', async () => {
    const { authentication } = world();
    const clientCertificate = await certificate(ca, 'alice');
    const [first, second] = [
      await authentication.authenticate({ clientCertificate }),
      await authentication.authenticate({ clientCertificate }),
    ];
    assert.equal(first, second);
  });

  it('of a foreign authority are 401', async () => {
    const { authentication } = world();
    await rejected(
      authentication.authenticate({ clientCertificate: await certificate(foreignCa, 'alice') }),
      401,
      'Unauthorized',
    );
  });

  it('that end are 401 from then on, also when they were known', async () => {
    const { authentication, time } = world();
    const clientCertificate = await certificate(ca, 'alice');
    await authentication.authenticate({ clientCertificate });
    time.now += 400 * DAY_MS;
    await rejected(authentication.authenticate({ clientCertificate }), 401);
  });

  it('for servers only are 401', async () => {
    const pair = await issueCertificate(ca, { commonName: 'alice', usages: ['server'] }, new Date());
    const clientCertificate = new X509Certificate(pair.certificate).raw;
    await rejected(world().authentication.authenticate({ clientCertificate }), 401);
  });

  it('with several common names name the last', async () => {
    const clientCertificate = await certificateOf(ca, [{ CN: ['first'] }, { O: ['dev'] }, { CN: ['last'] }]);
    assert.equal((await world().authentication.authenticate({ clientCertificate })).name, 'last');
  });

  it('of this server towards nodes are 401, also with groups, with a token, or in a front proxy’s headers', async () => {
    const cluster = world();
    const { authentication } = cluster;
    const user = 'kube-apiserver-kubelet-client';
    for (const groups of [[], ['system:masters']]) {
      const clientCertificate = await certificate(ca, user, groups);
      await rejected(authentication.authenticate({ clientCertificate }), 401, 'Unauthorized');
      await rejected(authentication.authenticate({ clientCertificate, ...bearer(await token(cluster)) }), 401);
      const headers = { 'impersonate-user': 'bob' };
      await rejected(authentication.authenticate({ clientCertificate, headers, request: LIST_PODS }), 401);
    }
    const clientCertificate = await certificate(proxyCa, 'front-proxy-client');
    await rejected(authentication.authenticate({ clientCertificate, headers: { 'x-remote-user': user } }), 401);
  });

  it('that are none are 401', async () => {
    await rejected(world().authentication.authenticate({ clientCertificate: Buffer.from('no certificate') }), 401);
  });
});

describe('anonymous', () => {
  it('is who shows nothing', async () => {
    const user = await world().authentication.authenticate({});
    assert.deepEqual(user, { name: 'system:anonymous', groups: ['system:unauthenticated'] });
  });

  it('is who uses another scheme of authorization', async () => {
    const user = await world().authentication.authenticate({ authorization: 'Basic YTpi' });
    assert.equal(user.name, 'system:anonymous');
  });
});

describe('front proxies', () => {
  const headers = {
    'x-remote-user': 'bob',
    'x-remote-group': ['dev', 'ops'],
    'x-remote-extra-acme.com%2fproject': 'x',
  };

  it('speak for others', async () => {
    const clientCertificate = await certificate(proxyCa, 'front-proxy-client');
    const user = await world().authentication.authenticate({ clientCertificate, headers });
    assert.equal(user.name, 'bob');
    assert.deepEqual(user.groups, ['dev', 'ops', 'system:authenticated']);
    assert.deepEqual(user.extra, { 'acme.com/project': ['x'] });
  });

  it('may name extras like the members of every object', async () => {
    const clientCertificate = await certificate(proxyCa, 'front-proxy-client');
    const names = ['constructor', '__proto__', 'tostring', 'hasownproperty'];
    const extras = Object.fromEntries(names.map((name) => [`x-remote-extra-${name}`, `of ${name}`]));
    const user = await world().authentication.authenticate({ clientCertificate, headers: { ...headers, ...extras } });
    for (const name of names) {
      assert.deepEqual(Object.getOwnPropertyDescriptor(user.extra, name)?.value, [`of ${name}`], name);
    }
    assert.equal(Object.getPrototypeOf(user.extra), Object.prototype);
  });

  it('under another name are 401', async () => {
    const clientCertificate = await certificate(proxyCa, 'somebody');
    await rejected(world().authentication.authenticate({ clientCertificate, headers }), 401);
  });

  it('are nobody’s clients of the cluster: their headers count for nothing', async () => {
    const clientCertificate = await certificate(ca, 'alice');
    assert.equal((await world().authentication.authenticate({ clientCertificate, headers })).name, 'alice');
  });
});

describe('impersonation', () => {
  it('comes after the certificate has said who asks', async () => {
    const headers = { 'impersonate-user': 'bob' };
    const clientCertificate = await certificate(ca, 'boss');
    const user = await world().authentication.authenticate({ clientCertificate, headers, request: LIST_PODS });
    assert.equal(user.name, 'bob');
  });
});
