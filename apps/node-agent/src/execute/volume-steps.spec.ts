import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { silentLogger } from '#client';
import type { Volume } from '#kinds';
import { MetricsRegistry } from '#telemetry';
import { PodPaths } from '../pod/pod-paths.js';
import { aMemory, anObserved, aPod, outcomesOf } from '../testing/pod-builders.js';
import { registerVolumeMetrics, VolumeOperations } from '../volumes/volume-metrics.js';
import { volumesOnDisk } from '../volumes/volume-set.js';
import type { StepServices } from './step-services.js';
import { unmountContext } from './volume-context.js';
import { mountVolume, unmountVolume, updateVolume } from './volume-steps.js';

const VOLUMES: Volume[] = [
  { name: 'data', emptyDir: {} },
  { name: 'config', configMap: { name: 'there' } },
  { name: 'token', secret: { secretName: 'there' } },
  { name: 'missing', configMap: { name: 'none' } },
  { name: 'foreign', nfs: { server: 'x', path: '/' } },
];

describe('A volume of a pod', () => {
  let directory: string;
  let value: string;
  let events: string[];
  let services: StepServices;
  const state = { pod: aPod({ volumes: VOLUMES }), removed: false, observed: anObserved(), memory: aMemory() };
  const uid = state.pod.metadata.uid;

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'berth-volumes-'));
    value = 'one';
    events = [];
    const read = (kind: string, text: (value: string) => string) => async (_namespace: string, name: string) =>
      name === 'there' ? { apiVersion: 'v1', kind, metadata: {}, data: { key: text(value) } } : undefined;
    services = {
      paths: new PodPaths(directory, directory),
      memoryDirectory: join(directory, 'memory'),
      source: {
        configMap: read('ConfigMap', (text) => text),
        secret: read('Secret', (text) => Buffer.from(text).toString('base64')),
      },
      node: { hostIPs: [] },
      runtime: { closeImageViews: async () => {} },
      events: {
        event: (_object: unknown, type: string, reason: string, message: string) =>
          void events.push(`${type} ${reason} ${message}`),
      },
      logger: silentLogger,
      volumeOperations: new VolumeOperations(),
    } as unknown as StepServices;
  });
  afterEach(() => rmSync(directory, { recursive: true }));

  const key = 'volume';
  const mount = (volume: string) => outcomesOf(mountVolume(services, state, { type: 'mountVolume', key, volume }));
  const unmount = (volume: string) =>
    outcomesOf(unmountVolume(services, state, { type: 'unmountVolume', key, volume }));
  const onDisk = async () => (await volumesOnDisk(unmountContext(services), uid)).sort();
  const pathOf = async (volume: string) => {
    const [outcome] = await mount(volume);
    assert.ok(outcome?.type === 'volumeMounted', JSON.stringify(outcome));
    return outcome.path;
  };

  test('is counted with the time that it takes', async () => {
    const metrics = new MetricsRegistry();
    registerVolumeMetrics(metrics, services.volumeOperations);
    await pathOf('config');
    await mount('missing');
    await unmount('config');
    const text = await metrics.render();
    const count = (plugin: string, operation: string, status: string) => {
      const labels = `volume_plugin="kubernetes.io/${plugin}",operation_name="volume_${operation}",status="${status}"`;
      const line = text
        .split('\n')
        .find((one) => one.startsWith(`storage_operation_duration_seconds_count{${labels},`));
      return line?.split(' ').at(-1);
    };
    assert.equal(count('configmap', 'mount', 'success'), '1');
    assert.equal(count('configmap', 'mount', 'fail-unknown'), '1');
    assert.equal(count('configmap', 'unmount', 'success'), '1');
    // Of a volume that is not mounted yet nothing is known but its tries.
    const overall = text.match(/^volume_operation_total_seconds_count\{.*$/gm);
    const labels = 'plugin_name="kubernetes.io/configmap",operation_name="overall_volume_mount"';
    assert.deepEqual(overall, [`volume_operation_total_seconds_count{${labels}} 1`]);
    services.volumeOperations.onDone('kubernetes.io/image', 'volume_mount', 20, true);
    services.volumeOperations.onDone('kubernetes.io/image', 'volume_mount', 20, false);
    const images = (await metrics.render()).match(/^kubelet_image_volume_\w+ \d$/gm);
    assert.deepEqual(images?.sort(), [
      'kubelet_image_volume_mounted_errors_total 1',
      'kubelet_image_volume_mounted_succeed_total 1',
      'kubelet_image_volume_requested_total 2',
    ]);
  });

  test('takes from the first try on, however often it is tried, unless nobody wants it any more', async () => {
    const took: number[] = [];
    const operations = services.volumeOperations;
    operations.onMounted = (_plugin, ms) => void took.push(ms);
    const fails = () => assert.rejects(operations.mounted('p', 'a', Promise.reject(new Error('no'))));
    await fails();
    await delay(30);
    await operations.mounted('p', 'a', Promise.resolve());
    await fails();
    operations.forget('a');
    await operations.mounted('p', 'a', Promise.resolve());
    assert.equal(took.length, 2);
    assert.ok(took[0]! >= 29, `${took[0]} ms`);
    assert.ok(took[1]! < 29, `${took[1]} ms`);
  });

  test('is made ready by itself, and found again by an agent that knows nothing of it', async () => {
    const path = await pathOf('data');
    assert.ok(existsSync(path));
    assert.equal(readFileSync(join(await pathOf('config'), 'key'), 'utf8'), 'one');
    assert.match(await pathOf('token'), /\/memory\//);
    assert.deepEqual(await onDisk(), ['config', 'data', 'token']);
    assert.equal(await pathOf('data'), path);
    assert.deepEqual(events, []);
  });

  test('that cannot be mounted is named by an event, and the others stay', async () => {
    await pathOf('config');
    const message = 'MountVolume.SetUp failed for volume "missing" : configmap "none" not found';
    assert.deepEqual(await mount('missing'), [{ type: 'volumeMountFailed', volume: 'missing', message }]);
    const foreign =
      'MountVolume.SetUp failed for volume "foreign" : no volume plugin matched: volumes of type nfs are not supported by this node';
    assert.deepEqual(await mount('foreign'), [{ type: 'volumeMountFailed', volume: 'foreign', message: foreign }]);
    assert.deepEqual(events, [`Warning FailedMount ${message}`, `Warning FailedMount ${foreign}`]);
    assert.deepEqual(await onDisk(), ['config']);
  });

  test('follows its object; one that cannot be updated stays as it is', async () => {
    const file = join(await pathOf('config'), 'key');
    const update = () => outcomesOf(updateVolume(services, state, { type: 'updateVolume', key, volume: 'config' }));
    value = 'two';
    assert.deepEqual(await update(), [{ type: 'volumeUpdateBegun', volume: 'config' }]);
    assert.equal(readFileSync(file, 'utf8'), 'two');
    services.source.configMap = async () => undefined;
    assert.deepEqual(await update(), [{ type: 'volumeUpdateBegun', volume: 'config' }]);
    assert.equal(readFileSync(file, 'utf8'), 'two');
    assert.deepEqual(events, []);
  });

  test('goes by itself, and one that is not there is gone', async () => {
    await pathOf('data');
    await pathOf('token');
    for (const volume of ['token', 'missing']) {
      assert.deepEqual(await unmount(volume), [{ type: 'volumeUnmounted', volume }]);
    }
    assert.deepEqual(await onDisk(), ['data']);
  });
});
