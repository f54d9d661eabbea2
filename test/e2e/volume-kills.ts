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
/** Claims that come and go together. */
const CLAIMS = 4;

interface Kill {
  unit: (typeof UNITS)[number];
  delay: number;
}

interface Life {
  name: string;
  /** Milliseconds after which pod and claim are deleted, whether there is a volume yet or not; absent for whole lives. */
  early?: number;
  /** Does another pod take the claim over? */
  again: boolean;
  trick: Trick;
}

interface Round {
  coming: Kill[];
  going: Kill[];
  lives: Life[];
}

/** All that a round does; the same for the same seed. */
export function roundOf(seed: number): Round {
  const random = randomOf(seed);
  const below = (bound: number) => Math.floor(random() * bound);
  const kills = () =>
    Array.from({ length: 1 + below(2) }, (): Kill => ({ unit: UNITS[below(UNITS.length)]!, delay: below(LATEST) }));
  const life = (_: unknown, index: number): Life => ({
    name: `round-${seed}-${index}`,
    // The first one lives as long as it likes, so a round always has data to lose.
    early: index > 0 && below(4) === 0 ? below(LATEST) : undefined,
    again: below(2) === 1,
    trick: TRICKS[below(TRICKS.length)]!,
  });
  return { coming: kills(), going: kills(), lives: Array.from({ length: CLAIMS }, life) };
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
    await this.start(['keeper']);
    await this.ready(['keeper']);
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

  private async play({ coming, going, lives }: Round): Promise<void> {
    const all = namesOf(lives);
    const whole = lives.filter(({ early }) => early === undefined);
    const begin = async () => {
      await this.start(all);
      await Promise.all(lives.filter((life) => life.early !== undefined).map((life) => this.endEarly(life)));
    };
    await Promise.all([begin(), ...coming.map((kill) => this.kill(kill))]);
    const uids = await this.ready(namesOf(whole));
    const folders = new Map(whole.map(({ name }) => [name, this.folderOf(name)]));
    for (const [name, folder] of folders) await this.wrote(name, folder);
    const again = namesOf(whole.filter((life) => life.again));
    await this.remove('pods', again);
    await this.gone('pods', again);
    await this.start(again);
    uids.push(...(await this.ready(again)));
    for (const name of again) await this.wrote(name, folders.get(name));
    const tricked = whole.filter(({ trick }) => trick !== 'none');
    await this.remove('pods', namesOf(tricked));
    await this.gone('pods', namesOf(tricked));
    const mounted = tricked.filter(({ trick }) => trick === 'mount').map(({ name }) => this.pathOf(folders.get(name)!));
    for (const { name, trick } of tricked) if (trick === 'link') this.link(name, this.pathOf(folders.get(name)!));
    await this.withMounts(mounted, async () => {
      const deletion = async () => {
        await this.remove('pods', all);
        await this.remove('pvc', all);
      };
      await Promise.all([deletion(), ...going.map((kill) => this.kill(kill))]);
      for (const path of mounted) await this.refused(path);
    });
    await this.gone('pods', all);
    await this.gone('pvc', all);
    const left = () => all.filter((name) => this.folderOf(name) !== undefined);
    await until('the folders go', async () => left().length === 0, SECONDS);
    await until('the volumes go', async () => (await this.cluster.json('get', 'pv')).items.length === 1, SECONDS);
    await until('their mounts go', async () => !uids.some((uid) => this.mounts().includes(uid)), SECONDS);
    await this.kept();
  }

  private async endEarly({ name, early }: Life): Promise<void> {
    await sleep(early);
    await this.remove('pods', [name]);
    await this.remove('pvc', [name]);
  }

  private link(name: string, path: string): void {
    renameSync(path, join(this.cluster.directory, name));
    symlinkSync(this.precious, path);
  }

  private async withMounts(paths: readonly string[], work: () => Promise<void>): Promise<void> {
    const places = paths.map((path) => join(path, 'inside'));
    for (const place of places) {
      mkdirSync(place);
      execFileSync('mount', ['--bind', this.precious, place]);
    }
    try {
      await work();
    } finally {
      for (const place of places) execFileSync('umount', [place]);
    }
  }

  /** While something is mounted in the folder, nothing in it is deleted. */
  private async refused(path: string): Promise<void> {
    const [volume, , name] = basename(path).split('_');
    const about = `involvedObject.name=${volume},reason=VolumeFailedDelete`;
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

  private async start(names: readonly string[]): Promise<void> {
    if (names.length === 0) return;
    await until('pods and claims are written', () => this.cluster.apply(names.map(manifest).join('---\n')), SECONDS);
  }

  /** The pods' uids. */
  private ready(names: readonly string[]): Promise<string[]> {
    return until(
      `${names} are ready`,
      async () => {
        const { items } = await this.cluster.json('get', 'pods');
        const pods = items.filter(
          ({ metadata, status }: any) => names.includes(metadata.name) && status.containerStatuses?.[0]?.ready === true,
        );
        return pods.length === names.length && pods.map(({ metadata }: any) => metadata.uid);
      },
      SECONDS,
    );
  }

  private async wrote(name: string, folder: string | undefined): Promise<void> {
    assert.ok(folder, `the folder of ${name} is there`);
    const token = join(this.pathOf(folder), 'token');
    await until('the pod wrote', async () => existsSync(token) && readFileSync(token, 'utf8') !== '');
    assert.equal(readFileSync(token, 'utf8'), `${name}\n`, 'the data of the claim');
  }

  private async remove(kind: string, names: readonly string[]): Promise<void> {
    if (names.length === 0) return;
    await until(
      `${kind} ${names} are deleted`,
      () => this.cluster.kubectl('delete', kind, ...names, '--ignore-not-found', '--wait=false').then(() => true),
      SECONDS,
    );
  }

  private async gone(kind: string, names: readonly string[]): Promise<void> {
    if (names.length === 0) return;
    const find = () => this.cluster.kubectl('get', kind, ...names, '--ignore-not-found', '-o', 'name');
    await until(`${kind} ${names} go`, async () => (await find()) === '', SECONDS);
  }

  private folderOf(name: string): string | undefined {
    return readdirSync(this.storage).find((folder) => folder.endsWith(`_default_${name}`));
  }

  private pathOf(folder: string): string {
    return join(this.storage, folder);
  }

  private mounts(): string {
    return readFileSync('/proc/self/mountinfo', 'utf8');
  }
}

function namesOf(lives: readonly Life[]): string[] {
  return lives.map(({ name }) => name);
}

/** A claim, and a pod that writes the claim's name unless it finds something. */
function manifest(name: string): string {
  const script = `[ -e /data/token ] || echo ${name} > /data/token; while :; do sleep 1; done`;
  const container = `{name: c, image: ${IMAGE}, command: [sh, -c, ${JSON.stringify(script)}], volumeMounts: [{name: data, mountPath: /data}]}`;
  const claim = `apiVersion: v1\nkind: PersistentVolumeClaim\nmetadata: {name: ${name}}\nspec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Mi}}}\n`;
  const pod = `apiVersion: v1\nkind: Pod\nmetadata: {name: ${name}}\nspec: {terminationGracePeriodSeconds: 1, containers: [${container}], volumes: [{name: data, persistentVolumeClaim: {claimName: ${name}}}]}\n`;
  return `${claim}---\n${pod}`;
}
