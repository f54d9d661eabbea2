import { anyAnswer, codes, type Expected, forbidden, unauthorized } from './attack.js';
import { forgedCertificates, forgedTokens, namelessCertificate, OWN, TARGET, VICTIM } from './identities.js';
import type { Identity } from './requester.js';
import type { PlaneRow } from './stage.js';

const area = 'credentials';
const SECRET = `/api/v1/namespaces/${VICTIM}/secrets/${TARGET}`;
/** 401, or the connection is cut in the handshake already. */
const notBelieved: Expected = { says: '401 or a closed connection', accepts: ({ code }) => code === 401 || code === 0 };
const noImpersonation = codes(400, 401, 403);

const bearer = (name: string, token: string): Identity => ({ name, headers: { Authorization: `Bearer ${token}` } });

export const credentialRows: PlaneRow[] = [
  {
    area,
    finding: 'a certificate that is not for this server opens nothing',
    run: async (attempt, { plane }) => {
      for (const identity of await forgedCertificates(plane)) {
        for (const path of [SECRET, '/api/v1/namespaces', '/version'])
          await attempt.try(identity, { path }, notBelieved);
      }
      // In order, but of nobody: its organization counts as little as that of any anonymous request.
      for (const path of [SECRET, '/api/v1/namespaces'])
        await attempt.try(await namelessCertificate(plane), { path }, forbidden);
    },
  },
  {
    area,
    finding: "the server's certificate towards nodes is no client of the server",
    run: async (attempt, { plane, who }) => {
      const user = { 'Impersonate-User': 'kube-apiserver-kubelet-client' };
      const { text } = await attempt.try(who.administrator, { path: SECRET, headers: user }, forbidden);
      attempt.check(
        'administrator as the kubelet client',
        SECRET,
        'no rights at all',
        text.includes('Forbidden'),
        text,
      );
      const { X509Certificate } = await import('node:crypto');
      const { subject } = new X509Certificate(plane.pki('kubelet-client.crt'));
      attempt.check(
        '-',
        'pki/kubelet-client.crt',
        'not in system:masters',
        !subject.includes('system:masters'),
        subject,
      );
    },
  },
  {
    area,
    finding: 'a forged token is refused, whatever it says',
    run: async (attempt, { plane, who }) => {
      const good = who.owner.headers!['Authorization']!.slice('Bearer '.length);
      for (const [what, token] of forgedTokens(plane, good)) {
        await attempt.try(bearer(what, token), { path: '/version' }, unauthorized);
        const path = `/api/v1/namespaces/${OWN}/configmaps`;
        await attempt.try(bearer(what, token), { path }, unauthorized);
      }
      await attempt.try(bearer('the good token', good), { path: '/version' }, codes(200));
    },
  },
  {
    area,
    finding: 'a token counts in the Authorization header alone',
    run: async (attempt, { who }) => {
      const token = who.owner.headers!['Authorization']!.slice('Bearer '.length);
      const path = `/api/v1/namespaces/${OWN}/configmaps`;
      const elsewhere: [string, Identity, string][] = [
        ['query', { name: 'token in the query' }, `${path}?access_token=${token}`],
        ['cookie', { name: 'token in a cookie', headers: { Cookie: `token=${token}` } }, path],
        ['basic', { name: 'token as a password', headers: { Authorization: `Basic ${btoa(`x:${token}`)}` } }, path],
        ['bare', { name: 'token without a scheme', headers: { Authorization: token } }, path],
        ['header', { name: 'token in X-Auth-Token', headers: { 'X-Auth-Token': token } }, path],
      ];
      for (const [note, identity, where] of elsewhere) {
        await attempt.try(identity, { path: where, note }, codes(401, 403));
      }
    },
  },
  {
    area,
    finding: 'a token beside a certificate adds no rights',
    run: async (attempt, { who }) => {
      const { cert, key } = who.node;
      const mixed: Identity = { name: 'node with the token of the owner', cert, key, headers: who.owner.headers };
      // The certificate comes first; the token beside it gives no rights.
      await attempt.try(mixed, { path: `/api/v1/namespaces/${OWN}/secrets` }, forbidden);
    },
  },
  {
    area,
    finding: 'a second request of a connection keeps no identity',
    run: async (attempt, { plane, who }) => {
      const path = `/api/v1/namespaces/${OWN}/secrets`;
      const first = `GET ${path} HTTP/1.1\r\nHost: kubernetes\r\nAuthorization: ${who.owner.headers!['Authorization']}\r\n\r\n`;
      const second = `GET ${path} HTTP/1.1\r\nHost: kubernetes\r\nConnection: close\r\n\r\n`;
      const { text } = await plane.requester.raw(who.anonymous, first + second, 5000);
      const seen = [...text.matchAll(/HTTP\/1\.1 (\d{3})/g)].map(([, code]) => code);
      attempt.check('owner, then anonymous', path, '200 and 403', seen.join() === '200,403', seen);
    },
  },
  {
    area,
    finding: 'headers of a front proxy count only with its certificate',
    run: async (attempt, { plane, who }) => {
      const headers = { 'X-Remote-User': 'kubernetes-admin', 'X-Remote-Group': 'system:masters' };
      const { issueCertificate, createAuthority } = await import('../../apps/api/src/pki/certificate-issuer.js');
      const profile = { commonName: 'front-proxy-client', usages: ['client' as const] };
      const own = { certificate: plane.pki('ca.crt'), key: plane.pki('ca.key') };
      const right = { certificate: plane.pki('front-proxy-ca.crt'), key: plane.pki('front-proxy-ca.key') };
      const sent: [string, Awaited<ReturnType<typeof createAuthority>>][] = [
        ["the cluster's authority", await issueCertificate(own, profile, new Date())],
        [
          'another authority',
          await issueCertificate(await createAuthority('front-proxy-ca', new Date()), profile, new Date()),
        ],
        [
          'a name that is not allowed',
          await issueCertificate(right, { ...profile, commonName: 'somebody' }, new Date()),
        ],
        ['a certificate for servers', await issueCertificate(right, { ...profile, usages: ['server'] }, new Date())],
      ];
      for (const [name, { certificate, key }] of sent) {
        const identity = { name: `front proxy by ${name}`, cert: certificate, key };
        await attempt.try(identity, { path: SECRET, headers }, codes(0, 401, 403));
      }
      for (const identity of [who.anonymous, who.nobody, who.owner, who.node]) {
        await attempt.try(identity, { path: SECRET, headers }, forbidden);
      }
      const proxy = {
        name: 'front proxy',
        cert: plane.pki('front-proxy-client.crt'),
        key: plane.pki('front-proxy-client.key'),
      };
      await attempt.try(proxy, { path: SECRET, headers: { 'X-Remote-User': 'somebody' } }, forbidden);
      for (const key of ['constructor', '__proto__', 'toString', '%zz', '']) {
        const extra = { 'X-Remote-User': 'somebody', [`X-Remote-Extra-${key}`]: 'x' };
        await attempt.try(proxy, { path: SECRET, headers: extra, note: `extra ${key}` }, forbidden);
      }
      const kubelet = { 'X-Remote-User': 'kube-apiserver-kubelet-client' };
      await attempt.try(proxy, { path: SECRET, headers: kubelet, note: 'as the kubelet client' }, codes(401, 403));
    },
  },
  {
    area,
    finding: 'nobody acts as somebody else without leave',
    run: async (attempt, { who }) => {
      const forms: Record<string, string>[] = [
        { 'Impersonate-User': 'kubernetes-admin' },
        { 'Impersonate-User': 'kubernetes-admin', 'Impersonate-Group': 'system:masters' },
        { 'Impersonate-Group': 'system:masters' },
        { 'Impersonate-User': 'system:admin', 'Impersonate-Group': 'system:authenticated' },
        { 'Impersonate-User': 'system:node:y', 'Impersonate-Group': 'system:nodes' },
        { 'Impersonate-User': `system:serviceaccount:${VICTIM}:${TARGET}` },
        { 'Impersonate-User': 'system:serviceaccount:kube-system:default' },
        { 'Impersonate-User': 'system:anonymous' },
        { 'Impersonate-User': 'x', 'Impersonate-Extra-scopes': 'all' },
        { 'Impersonate-Uid': '0' },
        { 'Impersonate-User': '', 'Impersonate-Group': 'system:masters' },
        { 'impersonate-user': 'kubernetes-admin', 'IMPERSONATE-GROUP': 'system:masters' },
      ];
      for (const headers of forms) {
        for (const identity of [who.anonymous, who.nobody, who.viewer, who.namespaceAdmin, who.node, who.pod]) {
          await attempt.try(identity, { path: SECRET, headers, note: JSON.stringify(headers) }, noImpersonation);
        }
        // A namespace owner may act as the accounts of its own namespace, never as these.
        await attempt.try(who.owner, { path: SECRET, headers, note: JSON.stringify(headers) }, noImpersonation);
      }
    },
  },
  {
    area,
    finding: 'names of the language as extra keys of an impersonation are ordinary keys',
    run: async (attempt, { who }) => {
      for (const key of ['constructor', '__proto__', 'toString', 'hasOwnProperty', '%zz', 'a%2fb', '']) {
        const headers = { 'Impersonate-User': 'somebody', [`Impersonate-Extra-${key}`]: 'x' };
        for (const identity of [who.anonymous, who.nobody]) {
          await attempt.try(identity, { path: SECRET, headers, note: `extra ${key}` }, noImpersonation);
        }
        await attempt.try(who.administrator, { path: '/version', headers, note: `extra ${key}` }, anyAnswer);
        await attempt.try(who.administrator, { path: SECRET, headers, note: `extra ${key}` }, codes(400, 403));
      }
    },
  },
  {
    area,
    finding: 'a token ends with its account and with its pod',
    run: async (attempt, { plane, who }) => {
      const accounts = `/api/v1/namespaces/${OWN}/serviceaccounts`;
      const account = { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'short' } };
      await plane.create(accounts, account);
      const review = (body: object) => plane.create(`${accounts}/short/token`, body);
      const request = { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec: {} };
      const { status } = await review(request);
      const identity = bearer('account that goes', status.token);
      await attempt.try(identity, { path: '/version' }, codes(200));
      await plane.json(`${accounts}/short`, { method: 'DELETE' });
      await attempt.try(identity, { path: '/version' }, unauthorized);
      await plane.create(accounts, account);
      await attempt.try(identity, { path: '/version', note: 'made anew' }, unauthorized);

      const pods = `/api/v1/namespaces/${OWN}/pods`;
      const spec = {
        serviceAccountName: 'short',
        automountServiceAccountToken: false,
        containers: [{ name: 'c', image: 'x' }],
      };
      const pod = await plane.create(pods, { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'short' }, spec });
      const boundObjectRef = { apiVersion: 'v1', kind: 'Pod', name: 'short', uid: pod.metadata.uid };
      const bound = bearer('pod that goes', (await review({ ...request, spec: { boundObjectRef } })).status.token);
      await attempt.try(bound, { path: '/version' }, codes(200));
      await plane.json(`${pods}/short`, { method: 'DELETE' });
      await attempt.try(bound, { path: '/version' }, unauthorized);
      await plane.json(`${accounts}/short`, { method: 'DELETE' });
      // No token is made for an account, a pod or a time that one has no right to.
      for (const identity of [who.editor, who.namespaceAdmin, who.node]) {
        const path = `/api/v1/namespaces/${VICTIM}/serviceaccounts/${TARGET}/token`;
        await attempt.try(identity, { method: 'POST', path, body: request }, forbidden);
      }
      for (const expirationSeconds of [0, -1, 1, 599, 2 ** 33, 1e300]) {
        const body = { ...request, spec: { expirationSeconds } };
        const path = `${accounts}/app/token`;
        await attempt.try(
          who.owner,
          { method: 'POST', path, body, note: `for ${expirationSeconds} s` },
          codes(400, 422),
        );
      }
    },
  },
  {
    area,
    finding: 'bootstrap tokens count in kube-system alone',
    run: async (attempt, { plane }) => {
      await plane.create(`/api/v1/namespaces/${OWN}/secrets`, {
        apiVersion: 'v1',
        kind: 'Secret',
        type: 'bootstrap.kubernetes.io/token',
        metadata: { name: 'bootstrap-token-abcdef' },
        stringData: {
          'token-id': 'abcdef',
          'token-secret': '0123456789abcdef',
          'usage-bootstrap-authentication': 'true',
        },
      });
      await attempt.try(
        bearer('bootstrap token of a namespace', 'abcdef.0123456789abcdef'),
        { path: '/version' },
        unauthorized,
      );
    },
  },
  {
    area,
    finding: 'a connection without TLS, or with an old one, gets nothing',
    run: async (attempt, { plane }) => {
      const { connect: plain } = await import('node:net');
      const text = await new Promise<string>((resolve) => {
        const socket = plain(plane.port, plane.address, () => socket.write('GET /version HTTP/1.1\r\nHost: a\r\n\r\n'));
        let received = '';
        socket.on('data', (part) => {
          received += part.toString('latin1');
        });
        socket.on('error', () => resolve(received));
        socket.on('close', () => resolve(received));
        setTimeout(() => socket.destroy(), 3000).unref();
      });
      attempt.check('anonymous', 'GET /version without TLS', 'no version', !text.includes('gitVersion'), text);
      const { connect } = await import('node:tls');
      const weak: [string, object][] = [
        ['TLS 1.1', { minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT:@SECLEVEL=0' }],
        ['no encryption', { maxVersion: 'TLSv1.2', ciphers: 'NULL:@SECLEVEL=0' }],
        ['3DES', { maxVersion: 'TLSv1.2', ciphers: '3DES:@SECLEVEL=0' }],
        ['RSA key exchange', { maxVersion: 'TLSv1.2', ciphers: 'kRSA:@SECLEVEL=0' }],
      ];
      for (const [what, options] of weak) {
        const got = await new Promise<string>((resolve) => {
          try {
            const target = { host: plane.address, port: plane.port, rejectUnauthorized: false, ...options };
            const socket = connect(target, () => resolve(`connected with ${socket.getCipher()?.name}`));
            socket.on('error', (error) => resolve(`refused: ${error.message}`));
          } catch (error) {
            resolve(`refused: ${(error as Error).message}`);
          }
        });
        attempt.check('anonymous', what, 'no connection', got.startsWith('refused'), got);
      }
      attempt.check(
        '-',
        'the checks above',
        'a good connection works',
        (await plane.json('/version')).major === '1',
        '',
      );
    },
  },
];
