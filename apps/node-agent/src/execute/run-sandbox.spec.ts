import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { realClock, SharedInformers, silentLogger } from '#client';
import { gvr } from '#kinds';
import type { Pod } from '../pod/pod.js';
import { PodPaths } from '../pod/pod-paths.js';
import { CriError } from '../runtime/cri.js';
import type { CriSandboxConfig } from '../runtime/cri-types.js';
import { RuntimeClasses } from '../sync/runtime-classes.js';
import { MemoryClient } from '../testing/memory-client.js';
import { aContainer, aMemory, anObserved, aPod, outcomesOf } from '../testing/pod-builders.js';
import { runSandbox } from './run-sandbox.js';
import type { StepServices } from './step-services.js';

describe('A sandbox', () => {
  let directory: string;
  const stop = new AbortController();
  const client = new MemoryClient();
  const made: { config: CriSandboxConfig; handler: string }[] = [];
  const events: string[] = [];
  let services: StepServices;

  beforeAll(async () => {
    directory = mkdtempSync(join(tmpdir(), 'berth-sandbox-'));
    const informers = new SharedInformers(client, { clock: realClock, logger: silentLogger });
    informers.start(stop.signal);
    const classes = new RuntimeClasses(informers, stop.signal);
    await client.create(gvr.runtimeclasses, '', {
      apiVersion: 'node.k8s.io/v1',
      kind: 'RuntimeClass',
      metadata: { name: 'sandboxed' },
      handler: 'gvisor',
    });
    services = {
      runtime: {
        runPodSandbox: async (config: CriSandboxConfig, handler: string) => {
          if (handler === 'gvisor')
            throw new CriError(2, 'failed to get sandbox runtime: no runtime for "gvisor" is configured');
          made.push({ config, handler });
          return 'id';
        },
      },
      cgroups: { runtimeParent: ({ uid }: { uid: string }) => uid },
      paths: new PodPaths(directory, directory),
      events: {
        event: (_pod: Pod, type: string, reason: string, message: string) =>
          events.push(`${type} ${reason} ${message}`),
      },
      logger: silentLogger,
      dns: { clusterDns: [], clusterDomain: 'cluster.local', host: { servers: [], searches: [], options: [] } },
      seccompRoot: directory,
      runtimeHandler: (pod: Pod) => classes.handler(pod),
    } as unknown as StepServices;
  });
  afterAll(() => {
    stop.abort();
    rmSync(directory, { recursive: true });
  });

  const run = async (spec: Partial<Pod['spec']>) => {
    const state = { pod: aPod(spec), removed: false, observed: anObserved(), memory: aMemory() };
    events.length = 0;
    made.length = 0;
    return outcomesOf(runSandbox(services, state, { type: 'runSandbox', key: 'sandbox', attempt: 0 }));
  };

  test("is the runtime's default without a class", async () => {
    assert.deepEqual(await run({}), [{ type: 'sandboxMade' }]);
    assert.deepEqual([made.length, made[0]?.handler], [1, '']);
  });

  const long = 'x'.repeat(50);
  const failures: [what: string, spec: Partial<Pod['spec']>, message: string][] = [
    [
      'users of its own',
      { hostUsers: false },
      "can't set `spec.hostUsers: false`, runtime does not support user namespaces",
    ],
    ['a class that is not there', { runtimeClassName: 'none' }, 'runtimeclass.node.k8s.io "none" not found'],
    [
      'a handler that the runtime does not have',
      { runtimeClassName: 'sandboxed' },
      'rpc error: code = Unknown desc = failed to get sandbox runtime: no runtime for "gvisor" is configured',
    ],
    [
      'a port of an address that is none',
      { containers: [aContainer('main', { ports: [{ containerPort: 80, hostPort: 80, hostIP: 'x' }] })] },
      'hostIP "x" is no IP address',
    ],
    [
      'a longer host name than the kernel has',
      { hostname: long, subdomain: 'sub', setHostnameAsFQDN: true },
      `failed to construct FQDN from pod hostname and cluster domain, FQDN ${long}.sub.default.svc.cluster.local is too long (64 characters is the max, 80 characters requested)`,
    ],
  ];
  for (const [what, spec, message] of failures) {
    test(`is not made for a pod that wants ${what}`, async () => {
      assert.deepEqual(await run(spec), [{ type: 'sandboxFailed', message }]);
      assert.deepEqual(events, [`Warning FailedCreatePodSandBox Failed to create pod sandbox: ${message}`]);
      assert.deepEqual(made, []);
    });
  }
});
