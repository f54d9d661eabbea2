import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Volume, VolumeProjection } from '#kinds';
import { PodPaths } from '../pod/pod-paths.js';
import { aContainer, aPod } from '../testing/pod-builders.js';
import { projected } from './projected.js';
import { type VolumeContext, VolumeError } from './volume-plugin.js';

const certificate = (paths: object): VolumeProjection => ({
  podCertificate: { signerName: 'example.com/s', keyType: 'ED25519', ...paths },
});
const bundle = (wanted: object): VolumeProjection => ({ clusterTrustBundle: { path: 'anchors.pem', ...wanted } });

describe('A projected volume', () => {
  let directory: string;
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'berth-projected-'));
  });
  afterEach(() => rmSync(directory, { recursive: true }));

  const context = (pod = aPod()): VolumeContext =>
    ({
      pod,
      paths: new PodPaths(directory, directory),
      memoryDirectory: join(directory, 'memory'),
      source: { configMap: async () => undefined },
      trust: {
        byName: async (name: string, optional: boolean) => {
          if (name === 'none' && !optional) throw new VolumeError('no such bundle');
          return `name ${name} ${optional}`;
        },
        bySigner: async (...wanted: unknown[]) => `signer ${JSON.stringify(wanted)}`,
      },
      certificates: {
        credentials: (_pod: unknown, volume: string, index: number) => {
          if (index === 9) throw new VolumeError('credential bundle is not issued yet');
          return { key: `key ${volume} ${index};`, chain: 'chain' };
        },
      },
    }) as unknown as VolumeContext;

  async function files(sources: VolumeProjection[], pod = aPod(), mode?: number): Promise<Record<string, string>> {
    const volume: Volume = { name: 'v', projected: { sources, ...(mode === undefined ? {} : { defaultMode: mode }) } };
    const path = await projected.mount(context(pod), volume);
    const names = readdirSync(path).filter((name) => !name.startsWith('.'));
    return Object.fromEntries(names.map((name) => [name, readFileSync(join(path, name), 'utf8')]));
  }

  test('has the anchors of a bundle, or of a signer', async () => {
    const labelSelector = { matchLabels: { a: 'b' } };
    assert.deepEqual(await files([bundle({ name: 'n' })]), { 'anchors.pem': 'name n false' });
    assert.deepEqual(await files([bundle({ name: 'n', optional: true })]), { 'anchors.pem': 'name n true' });
    assert.deepEqual(await files([bundle({ signerName: 's', labelSelector })]), {
      'anchors.pem': `signer ${JSON.stringify(['s', labelSelector, false])}`,
    });
  });

  test('has key and certificates together, apart, or both, each source its own', async () => {
    const together = certificate({ credentialBundlePath: 'all.pem' });
    const apart = certificate({ keyPath: 'key.pem', certificateChainPath: 'chain.pem' });
    assert.deepEqual(await files([together, apart]), {
      'all.pem': 'key v 0;chain',
      'key.pem': 'key v 1;',
      'chain.pem': 'chain',
    });
  });

  test('keeps them from others where it is known whose they are', async () => {
    const sources = [certificate({ keyPath: 'key.pem' }), bundle({ name: 'n' })];
    const modes = async (pod: ReturnType<typeof aPod>) => {
      await files(sources, pod, 0o640);
      const path = join(directory, 'memory', pod.metadata.uid, 'kubernetes.io~projected', 'v');
      return ['key.pem', 'anchors.pem'].map((name) => {
        const { mode, uid } = statSync(join(path, name));
        return [mode & 0o777, uid];
      });
    };
    const own = process.getuid!();
    assert.deepEqual(await modes(aPod({}, {}, { uid: 'plain' })), [
      [0o640, own],
      [0o640, own],
    ]);
    if (own !== 0) return;
    const containers = [aContainer('main', { securityContext: { runAsUser: 1000 } })];
    assert.deepEqual(await modes(aPod({ containers }, {}, { uid: 'owned' })), [
      [0o600, 1000],
      [0o600, 1000],
    ]);
  });

  test('names all that keeps it from being mounted', async () => {
    const sources = Array.from({ length: 10 }, () => certificate({ keyPath: 'key' }));
    await assert.rejects(files([bundle({ name: 'none' }), ...sources]), {
      message: '[no such bundle, credential bundle is not issued yet]',
    });
  });
});
