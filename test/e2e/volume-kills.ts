import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, symlinkSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { randomOf } from '#testing';
import { type Cluster, until } from './cluster.js';

const IMAGE = 'berth.local/web:1';
/** Who is killed, the agent as often as the two others together. */
const UNITS = ['agent', 'agent', 'server', 'containerd'] as const;
/** Latest moment of a kill after what it is to disturb has begun, in milliseconds. */
const LATEST = 3000;
const SECONDS = 180;

/** What is done to a volume's folder between its last pod and its deletion. */
type Trick = 'none' | 'link' | 'mount';
const TRICKS: readonly Trick[] = ['none', 'none', 'link', 'mount'];

interface Kill {
  unit: (typeof UNITS)[number];
  delay: number;
}

interface Round {
  name: string;
  coming: Kill[];
  going: Kill[];
  /** Does another pod take the claim over? */
  again: boolean;
  trick: Trick;
}

/** All that a round does; the same for the same seed. */
export function roundOf(seed: number): Round {
  const random = randomOf(seed);
  const below = (bound: number) => Math.floor(random() * bound);
  const kills = () =>
    Array.from({ length: 1 + below(2) }, (): Kill => ({ unit: UNITS[below(UNITS.length)]!, delay: below(LATEST) }));
  return {
    name: `round-${seed}`,
    coming: kills(),
    going: kills(),
    again: below(2) === 1,
    trick: TRICKS[below(TRICKS.length)]!,
  };
}

/**
 * Kills agent, server and containerd with SIGKILL while claims get volumes, pods mount them and let go, and claims are deleted.
 * After each round all data that was to stay is there, and nothing of the round is: no folder, mount or volume.
 */
export class VolumeKills {
  readonly kills = new Map<string, number>();
  private readonly storage: string;
  private readonly precious: string;

  constructor(private readonly cluster: Cluster) {
    this.storage = join(cluster.dataDir, 'storage');
    this.precious = join(cluster.directory, 'precious');
  }

  /** A pod whose data is to survive all rounds, and a folder that links and mounts lead to. */
  async prepare(): Promise<void> {
    await this.cluster.importImage(IMAGE, 'page');
    mkdirSync(this.precious);
    writeFileSync(join(this.precious, 'file'), 'kept');
    await this.start('keeper');
    await this.ready('keeper');
  }

  /** Throws, and names the seed, when anything is lost or left. */
  async round(seed: number): Promise<void> {
    const round = roundOf(seed);
    try {
      await this.play(round);
    } catch (error) {
      throw new Error(`seed ${seed}: ${JSON.stringify(round)}: ${(error as Error).message}`, { cause: error });
    }
  }

  private async play({ name, coming, going, again, trick }: Round): Promise<void> {
    await Promise.all([this.start(name), ...coming.map((kill) => this.kill(kill))]);
    const uid = await this.ready(name);
    const folder = this.folderOf(name);
    assert.ok(folder, 'the folder is there');
    await this.wrote(name, folder);
    if (again) {
      await this.remove('pod', name);
      await this.gone('pod', name);
      await this.start(name);
      await this.ready(name);
      await this.wrote(name, folder);
    }
    if (trick !== 'none') {
      await this.remove('pod', name);
      await this.gone('pod', name);
    }
    const path = join(this.storage, folder);
    const go = async () => {
      const deletion = async () => {
        if (trick === 'none') await this.remove('pod', name);
        await this.remove('pvc', name);
      };
      await Promise.all([deletion(), ...going.map((kill) => this.kill(kill))]);
    };
    if (trick === 'link') {
      renameSync(path, join(this.cluster.directory, name));
      symlinkSync(this.precious, path);
    }
    if (trick === 'mount') await this.withMount(join(path, 'inside'), () => go().then(() => this.refused(name, path)));
    else await go();
    await this.gone('pod', name);
    await this.gone('pvc', name);
    await until(`the folder of ${name} goes`, async () => this.folderOf(name) === undefined, SECONDS);
    await until('the volume goes', async () => (await this.cluster.json('get', 'pv')).items.length === 1, SECONDS);
    await until('its mounts go', async () => !this.mounts().includes(uid), SECONDS);
    await this.kept();
  }

  private async withMount(place: string, work: () => Promise<void>): Promise<void> {
    mkdirSync(place);
    execFileSync('mount', ['--bind', this.precious, place]);
    try {
      await work();
    } finally {
      execFileSync('umount', [place]);
    }
  }

  /** While something is mounted in the folder, nothing in it is deleted. */
  private async refused(name: string, path: string): Promise<void> {
    const about = `involvedObject.name=${basename(path).split('_')[0]},reason=VolumeFailedDelete`;
    const find = () => this.cluster.kubectl('get', 'events', '-A', '-o', 'name', `--field-selector=${about}`);
    await until('the deletion is refused', async () => (await find()) !== '', SECONDS);
    assert.equal(readFileSync(join(path, 'token'), 'utf8'), `${name}\n`);
  }

  private async kept(): Promise<void> {
    assert.equal(readFileSync(join(this.precious, 'file'), 'utf8'), 'kept', 'what links and mounts lead to');
    const keeper = this.folderOf('keeper');
    assert.deepEqual(readdirSync(this.storage), [keeper], 'no other folder is left');
    assert.equal(readFileSync(join(this.storage, keeper!, 'token'), 'utf8'), 'keeper\n');
    const { status } = await until('the keeper', () => this.cluster.json('get', 'pod', 'keeper'), SECONDS);
    assert.equal(status.containerStatuses[0].restartCount, 0, 'the pod that nobody touched goes on');
  }

  private async kill({ unit, delay }: Kill): Promise<void> {
    await sleep(delay);
    const pid = await this.cluster.pidOf(unit);
    // It may just have been killed.
    if (pid === 0) return;
    try {
      process.kill(pid, 'SIGKILL');
      this.kills.set(unit, (this.kills.get(unit) ?? 0) + 1);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
    }
  }

  private async start(name: string): Promise<void> {
    const script = `[ -e /data/token ] || echo ${name} > /data/token; while :; do sleep 1; done`;
    const container = `{name: c, image: ${IMAGE}, command: [sh, -c, ${JSON.stringify(script)}], volumeMounts: [{name: data, mountPath: /data}]}`;
    const claim = `apiVersion: v1\nkind: PersistentVolumeClaim\nmetadata: {name: ${name}}\nspec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Mi}}}\n`;
    const pod = `apiVersion: v1\nkind: Pod\nmetadata: {name: ${name}}\nspec: {terminationGracePeriodSeconds: 1, containers: [${container}], volumes: [{name: data, persistentVolumeClaim: {claimName: ${name}}}]}\n`;
    await until(`${name} is written`, () => this.cluster.apply(`${claim}---\n${pod}`), SECONDS);
  }

  /** The pod's uid. */
  private ready(name: string): Promise<string> {
    return until(
      `${name} is ready`,
      async () => {
        const { metadata, status } = await this.cluster.json('get', 'pod', name);
        return status.containerStatuses?.[0]?.ready === true && metadata.uid;
      },
      SECONDS,
    );
  }

  private async wrote(name: string, folder: string): Promise<void> {
    const token = join(this.storage, folder, 'token');
    await until('the pod wrote', async () => existsSync(token) && readFileSync(token, 'utf8') !== '');
    assert.equal(readFileSync(token, 'utf8'), `${name}\n`, 'the data of the claim');
  }

  private async remove(kind: string, name: string): Promise<void> {
    await until(
      `${kind} ${name} is deleted`,
      () => this.cluster.kubectl('delete', kind, name, '--ignore-not-found', '--wait=false').then(() => true),
      SECONDS,
    );
  }

  private async gone(kind: string, name: string): Promise<void> {
    const find = () => this.cluster.kubectl('get', kind, name, '--ignore-not-found', '-o', 'name');
    await until(`${kind} ${name} goes`, async () => (await find()) === '', SECONDS);
  }

  private folderOf(name: string): string | undefined {
    return readdirSync(this.storage).find((folder) => folder.endsWith(`_default_${name}`));
  }

  private mounts(): string {
    return readFileSync('/proc/self/mountinfo', 'utf8');
  }
}
