// A process that makes, mounts, unmounts and deletes local-path volumes until it is killed: see mount-kills.ts. What it has
// begun and done it says on a pipe, one line each.
import { lstatSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import type { PersistentVolume, Volume } from '#kinds';
import { randomOf } from '#testing';
import { PodPaths } from '../pod/pod-paths.js';
import { LocalPathFolders } from '../volumes/local-path-folders.js';
import { systemMounter } from '../volumes/mounter.js';
import type { VolumeContext } from '../volumes/volume-plugin.js';
import { mountVolume, unmountAll } from '../volumes/volume-set.js';
import { CLAIMS, folderOf } from './mount-kills.js';

const VOLUME: Volume = { name: 'data', persistentVolumeClaim: { claimName: 'data' } };

const [directory = '', seed = '0', mode = 'work'] = process.argv.slice(2);
const paths = new PodPaths(join(directory, 'agent'), join(directory, 'logs'));
const folders = new LocalPathFolders(directory, paths);
const memoryDirectory = join(directory, 'agent', 'memory');
const say = (line: string) => writeSync(1, `${line}\n`);

function context(claim: number, path: string): VolumeContext {
  const found = {
    metadata: { name: `pvc-${claim}` },
    spec: { claimRef: { uid: 'c' }, accessModes: ['ReadWriteOncePod'], local: { path } },
  } as PersistentVolume;
  return {
    pod: { metadata: { name: 'p', namespace: 'ns', uid: `pod-${claim}` }, spec: { containers: [] } },
    paths,
    claims: {
      claim: async () => ({ metadata: { uid: 'c' }, spec: { volumeName: 'v' }, status: { phase: 'Bound' } }),
      volume: async () => found,
      node: () => ({ metadata: { name: 'n' } }),
    },
    mounter: systemMounter,
  } as unknown as VolumeContext;
}

/** A pod of the claim comes and writes. */
async function come(claim: number): Promise<void> {
  say(`coming ${claim}`);
  const { path } = await folders.create(folderOf(claim));
  const place = await mountVolume(context(claim, path), VOLUME);
  const token = join(place, 'token');
  // Data that is there is not written again: the file is empty for a moment then.
  const written = await paths.files.readEnd(token, 9).catch(() => '');
  if (written.toString() !== `${claim}`) await paths.files.write(token, `${claim}`, 0o644);
  say(`wrote ${claim}`);
}

/** It goes, and its claim with it if `forever`. */
async function go(claim: number, forever: boolean): Promise<void> {
  if (forever) say(`deleting ${claim}`);
  const uid = `pod-${claim}`;
  await unmountAll({ paths, memoryDirectory, closeImages: async () => {} }, uid);
  await paths.files.remove(paths.pod(uid));
  say(`unmounted ${claim}`);
  if (!forever) return;
  await folders.delete(folderOf(claim));
  say(`deleted ${claim}`);
}

async function work(): Promise<void> {
  const random = randomOf(Number(seed));
  const worker = async (claim: number) => {
    for (;;) {
      // An administrator who puts a link there wants it used; what is asked here is whether its deletion stops at it.
      const link = lstatSync(join(directory, 'storage', folderOf(claim)), { throwIfNoEntry: false })?.isSymbolicLink();
      if (!link && random() < 0.5) await come(claim);
      else await go(claim, link || random() < 0.5);
    }
  };
  await Promise.all(Array.from({ length: CLAIMS }, (_, claim) => worker(claim)));
}

async function drain(): Promise<void> {
  for (let claim = 0; claim < CLAIMS; claim++) await go(claim, true);
}

await (mode === 'drain' ? drain() : work());
