import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, Socket } from 'node:net';
import { MetricsRegistry } from '#telemetry';
import { lister } from '../admission/testing/admission-requests.js';
import { WebhookCallError } from './call-error.js';
import { CertificateMetrics } from './certificate-metrics.js';
import { type OddCertificate, oddWebhookServer } from './testing/odd-certificate.js';
import { localNetwork, type WebhookServer, webhookServer } from './testing/webhook-server.js';
import { WebhookClient, type WebhookClientConfig } from './webhook-client.js';

const SERVICE = 'hook.tools.svc';
const never = new AbortController().signal;

/** A Service `hook` in the namespace `tools`, whose endpoint is at this port. */
const services = (port: number, ready = true) =>
  lister({
    services: {
      'tools/hook': { spec: { type: 'ClusterIP', ports: [{ name: 'https', port: 443 }], ipFamilies: ['IPv4'] } },
      'tools/outside': { spec: { type: 'ExternalName', externalName: 'hook.example.com' } },
    },
    'discovery.k8s.io/endpointslices': {
      'tools/hook-1': {
        metadata: { labels: { 'kubernetes.io/service-name': 'hook' } },
        addressType: 'IPv4',
        ports: [{ name: 'https', port }],
        endpoints: [{ addresses: ['10.244.0.9'], conditions: { ready } }],
      },
    },
  });

describe('calls to webhooks', () => {
  const metrics = new MetricsRegistry();
  const certificates = new CertificateMetrics(metrics);
  let server: WebhookServer;
  let client: WebhookClient;
  let byUrl: WebhookClientConfig;
  const opened: WebhookClient[] = [];

  beforeAll(async () => {
    server = await webhookServer([SERVICE, 'hook.example.com']);
  });
  beforeEach(() => {
    server.handle = (body) => ({ echo: body });
    client = made(server.port);
    byUrl = { url: `${server.url}/admit`, caBundle: server.caBundle };
  });
  afterEach(() => {
    for (const one of opened.splice(0)) one.close();
  });
  afterAll(() => server.close());

  function made(port: number, ready?: boolean): WebhookClient {
    const one = new WebhookClient(
      services(port, ready),
      localNetwork({ 'hook.example.com': ['192.0.2.7'], 'other.example.com': ['192.0.2.8'] }),
      certificates,
    );
    opened.push(one);
    return one;
  }

  const call = (config: WebhookClientConfig, options = {}) =>
    client.call(config, { a: 1 }, { signal: never, timeoutSeconds: 10, ...options });

  function fails(promise: Promise<unknown>, message: string | RegExp, code = 503): Promise<void> {
    return assert.rejects(promise, (error: WebhookCallError) => {
      assert.ok(error instanceof WebhookCallError, String(error));
      if (typeof message === 'string') assert.equal(error.message, message);
      else assert.match(error.message, message);
      assert.equal(error.status.code, code);
      return true;
    });
  }

  const posted = (path = '/admit') => `Post "${server.url}${path}?timeout=10s": `;

  it('goes by URL, with the timeout in the query, and keeps the connection', async () => {
    const before = server.connections;
    assert.deepEqual(await call(byUrl), { echo: { a: 1 } });
    assert.deepEqual(await call(byUrl), { echo: { a: 1 } });
    assert.equal(server.connections, before + 1);
    assert.equal(server.paths.at(-1), '/admit?timeout=10s');
  });

  it('goes to an endpoint of a Service, whose certificate is for the name of the Service', async () => {
    const headers: unknown[] = [];
    server.handle = (_, __, request) => {
      headers.push(request.headers.host, (request.socket as never as { servername: string }).servername);
      return {};
    };
    const service = { namespace: 'tools', name: 'hook', path: '/a/b/' };
    assert.deepEqual(await call({ service, caBundle: server.caBundle }), {});
    assert.deepEqual(headers, [`${SERVICE}:443`, SERVICE]);
    assert.equal(server.paths.at(-1), '/a/b?timeout=10s');
  });

  it('goes to the host that an ExternalName Service stands for', async () => {
    const other = await webhookServer(['outside.tools.svc']);
    try {
      const service = { namespace: 'tools', name: 'outside', port: other.port };
      assert.deepEqual(await call({ service, caBundle: other.caBundle }), {});
    } finally {
      await other.close();
    }
  });

  it('says what a Service lacks', async () => {
    const ask = (service: object) =>
      call({ service: { namespace: 'tools', name: 'hook', ...service }, caBundle: server.caBundle });
    const at = (name: string, port = 443) => `Post "https://${name}.tools.svc:${port}/?timeout=10s": `;
    await fails(ask({ name: 'none' }), `${at('none')}service "none" not found`);
    await fails(ask({ port: 8443 }), `${at('hook', 8443)}no service port 8443 found for service "hook"`);
    client = made(server.port, false);
    await fails(ask({}), `${at('hook')}no endpoints available for service "hook"`);
  });

  it('trusts the authorities of its bundle alone', async () => {
    const { caBundle } = await webhookServer().then(async (other) => {
      await other.close();
      return other;
    });
    const unknown = 'tls: failed to verify certificate: x509: certificate signed by unknown authority';
    await fails(call({ ...byUrl, caBundle }), posted() + unknown);
    await fails(call({ url: byUrl.url }), posted() + unknown);
    // A connection that one bundle vouches for serves no other.
    await call(byUrl);
    await fails(call({ ...byUrl, caBundle }), posted() + unknown);
    const broken = 'unable to load root certificates: unable to parse bytes as PEM block';
    await fails(call({ ...byUrl, caBundle: Buffer.from('none').toString('base64') }), broken);
  });

  it('takes no certificate of another host', async () => {
    const config = { url: `https://other.example.com:${server.port}`, caBundle: server.caBundle };
    const names = `${SERVICE}, hook.example.com, 127.0.0.1`;
    await fails(
      call(config),
      `Post "https://other.example.com:${server.port}/?timeout=10s": tls: failed to verify certificate: x509: certificate is valid for ${names}, not other.example.com`,
    );
  });

  it('counts certificates without a name, and those that SHA-1 signs', async () => {
    const counted = () =>
      metrics.samples().map(({ metricName, value }) => [metricName.replace('apiserver_webhooks_x509_', ''), value]);
    const before = counted();
    const failing = async (certificate: OddCertificate, message: string) => {
      const odd = await oddWebhookServer(certificate);
      try {
        await fails(
          call({ url: `https://hook.example.com:${odd.port}`, caBundle: odd.caBundle }),
          `Post "https://hook.example.com:${odd.port}/?timeout=10s": tls: failed to verify certificate: x509: ${message}`,
        );
      } finally {
        await odd.close();
      }
    };
    await failing({ names: [] }, 'certificate relies on legacy Common Name field, use SANs instead');
    assert.deepEqual(counted(), [
      ['missing_san_total', Number(before[0]![1]) + 1],
      ['insecure_sha1_total', before[1]![1]],
    ]);
    await failing(
      { names: ['hook.example.com'], hash: 'SHA-1' },
      'cannot verify signature: insecure algorithm SHA1-RSA',
    );
    assert.deepEqual(counted(), [
      ['missing_san_total', Number(before[0]![1]) + 1],
      ['insecure_sha1_total', Number(before[1]![1]) + 1],
    ]);
  });

  it('says why there is no connection', async () => {
    const gone = await webhookServer();
    await gone.close();
    await fails(
      call({ url: gone.url, caBundle: gone.caBundle }),
      `Post "${gone.url}/?timeout=10s": dial tcp 127.0.0.1:${gone.port}: connect: connection refused`,
    );
    await fails(
      call({ url: 'https://nowhere.example.com/' }),
      'Post "https://nowhere.example.com/?timeout=10s": dial tcp: lookup nowhere.example.com: no such host',
    );
    await fails(call({}), 'webhook configuration must have either service or URL');
  });

  it.each([
    [302, 'text/plain', '', 'the server responded with the status code 302 but did not return more information'],
    [404, 'text/plain', 'no', 'the server could not find the requested resource'],
    [500, 'text/plain', ' bad\n', 'an error on the server ("bad") has prevented the request from succeeding'],
    [500, 'application/json', '{}', 'an error on the server ("unknown") has prevented the request from succeeding'],
    [500, 'application/json', '{"status":"Failure","message":"quite","code":418}', 'quite'],
  ])('takes the code %d (%s %s) for what it is', async (code, type, body, message) => {
    server.handle = (_, response) =>
      void response.writeHead(code, { 'Content-Type': type, Location: `${server.url}/elsewhere` }).end(body);
    await fails(call(byUrl), message, body.includes('418') ? 418 : code);
    assert.equal(server.paths.at(-1), '/admit?timeout=10s', 'a redirect is not followed');
  });

  it('refuses what is no JSON, what is cut off, and what is too long', async () => {
    server.handle = (_, response) => void response.end('<html>');
    await fails(
      call(byUrl),
      "couldn't get version/kind; json parse error: invalid character '<' looking for beginning of value",
    );
    server.handle = (_, response) => {
      response.writeHead(200, { 'Content-Length': 100 });
      response.write('{', () => response.destroy());
    };
    await fails(
      call(byUrl),
      'unexpected error when reading response body. Please retry. Original error: unexpected EOF',
    );
    server.handle = (_, response) => {
      const more = () => response.write('x'.repeat(1000), (error) => error ?? more());
      more();
    };
    await fails(call(byUrl, { largestAnswer: 100_000 }), "the webhook's response is larger than 100000 bytes");
    server.handle = (_, response) => void response.destroy();
    await fails(call(byUrl), `${posted()}EOF`);
  });

  it('waits no longer than its timeout, and than its caller', async () => {
    server.handle = () => new Promise(() => {});
    await fails(
      call(byUrl, { timeoutSeconds: 0.05 }),
      `Post "${server.url}/admit?timeout=0.05s": context deadline exceeded`,
    );
    const caller = new AbortController();
    const waiting = call(byUrl, { signal: caller.signal });
    caller.abort();
    await assert.rejects(waiting, (error: WebhookCallError) => error.canceled);
    await assert.rejects(call(byUrl, { signal: caller.signal }), (error: WebhookCallError) => error.canceled);
  });

  it('stops waiting in the middle of an answer', async () => {
    server.handle = (_, response) => void response.write('{');
    await fails(call(byUrl, { timeoutSeconds: 0.2 }), /deadline exceeded/);
  });

  describe('to a host that lets nobody connect', () => {
    const dials: Socket[] = [];
    const silent = { url: 'https://192.0.2.7/admit' };
    beforeEach(() => {
      dials.length = 0;
      const connect = () => {
        dials.push(new Socket());
        return dials.at(-1)!;
      };
      client = new WebhookClient(lister({}), { resolve: async () => [], connect }, certificates);
      opened.push(client);
    });

    it('end their dials with their own time', async () => {
      await fails(
        call(silent, { timeoutSeconds: 0.05 }),
        'Post "https://192.0.2.7/admit?timeout=0.05s": context deadline exceeded',
      );
      assert.deepEqual(
        dials.map(({ destroyed }) => destroyed),
        [true],
      );
      const caller = new AbortController();
      const waiting = call(silent, { signal: caller.signal });
      while (dials.length < 2) await new Promise((resolve) => setTimeout(resolve, 1));
      caller.abort();
      await assert.rejects(waiting, (error: WebhookCallError) => error.canceled);
      assert.equal(dials[1]!.destroyed, true);
    });

    it('are at most 256 at a time; others wait, and have a time of their own', async () => {
      const callers = Array.from({ length: 300 }, () => new AbortController());
      const calls = callers.map(({ signal }) => call(silent, { signal }).catch((error) => error));
      const last = call(silent, { timeoutSeconds: 0.1 });
      await fails(last, 'Post "https://192.0.2.7/admit?timeout=0.1s": context deadline exceeded');
      assert.equal(dials.length, 256);
      callers[0]!.abort();
      await calls[0];
      while (dials.length < 257) await new Promise((resolve) => setTimeout(resolve, 1));
      for (const caller of callers) caller.abort();
      await Promise.all(calls);
      assert.deepEqual([dials.length, dials.every(({ destroyed }) => destroyed)], [257, true]);
    });
  });

  it('has one time for all attempts', async () => {
    server.handle = () => ({});
    await call(byUrl);
    let tries = 0;
    server.handle = (_, response) => {
      tries += 1;
      if (tries === 1) setTimeout(() => response.socket!.destroy(), 1500);
      return new Promise(() => {});
    };
    const began = performance.now();
    await fails(call(byUrl, { timeoutSeconds: 2 }), /context deadline exceeded/);
    assert.equal(tries, 2);
    assert.ok(performance.now() - began < 3000, `${performance.now() - began} ms`);
  });

  it('sends again what met a connection that the server had closed meanwhile', async () => {
    let first = true;
    server.handle = (_, response) => {
      if (!first) return {};
      first = false;
      response.setHeader('Content-Type', 'application/json').end('{}');
      return undefined;
    };
    await call(byUrl);
    let sockets = 0;
    server.handle = (_, response) => {
      sockets += 1;
      if (sockets === 1) response.socket!.destroy();
      else return { again: true };
    };
    assert.deepEqual(await call(byUrl), { again: true });
  });

  it('says that a server speaks no TLS', async () => {
    const plain: Server = createServer((socket) => void socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'));
    plain.listen(0, '127.0.0.1');
    await once(plain, 'listening');
    const { port } = plain.address() as AddressInfo;
    try {
      const url = `https://127.0.0.1:${port}`;
      await fails(call({ url }), `Post "${url}/?timeout=10s": http: server gave HTTP response to HTTPS client`);
    } finally {
      plain.close();
    }
  });
});
