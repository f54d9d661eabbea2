import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { randomOf } from '#testing';

/** Claims that come and go at the same time. */
export const CLAIMS = 4;
const WORKER = fileURLToPath(new URL('./mount-worker.js', import.meta.url));
/** Latest moment of a kill after the first thing was done, in milliseconds. */
const LATEST = 250;
const KEEPER = folderOf(99);

/** What is known of a claim, by what was said before the process was killed. */
interface Known {
  /** Its data was written, and nobody began to delete it. */
  has?: boolean;
  /** It was deleted, and nobody began to make it again. */
  gone?: boolean;
  /** No pod has it. */
  unmounted?: boolean;
}

export function folderOf(claim: number): string {
  return `pvc-00000000-0000-0000-0000-${String(claim).padStart(12, '0')}_ns_data`;
}

/**
 * Kills a process with SIGKILL that does what the agent does with local-path volumes, at any moment, and starts another one on
 * what it left: no data is lost, nothing of another claim is touched, and in the end nothing is left. Between two of them folders
 * that no pod has become links.
 */
export class MountKills {
  readonly kills = new Map<string, number>();
  private readonly directory = realpathSync(mkdtempSync(join(tmpdir(), 'berth-mounts-')));
  private readonly storage = join(this.directory, 'storage');
  private readonly precious = join(this.directory, 'precious');
  private readonly known = Array.from({ length: CLAIMS }, (): Known => ({}));
  private links = 0;
  /** The process that runs, or ran last. */
  private child: ChildProcess | undefined;

  async prepare(): Promise<void> {
    for (const folder of [this.precious, join(this.storage, KEEPER), join(this.directory, 'agent')]) {
      mkdirSync(folder, { recursive: true });
    }
    writeFileSync(join(this.precious, 'file'), 'kept');
    writeFileSync(join(this.storage, KEEPER, 'token'), 'keeper');
  }

  /** Throws, and names the seed, when anything is lost. */
  async round(seed: number): Promise<void> {
    try {
      const random = randomOf(seed);
      this.link(random);
      const child = this.start(String(seed), 'work');
      const heard = this.hear(child);
      await Promise.race([heard.first, heard.end]);
      await sleep(random() * LATEST);
      child.kill('SIGKILL');
      const { signal, errors } = await heard.end;
      assert.equal(signal, 'SIGKILL', `the process ended by itself: ${errors}`);
      this.kills.set('agent', (this.kills.get('agent') ?? 0) + 1);
      this.check();
    } catch (error) {
      throw new Error(`seed ${seed}: ${(error as Error).message}`, { cause: error });
    }
  }

  /** One that is not killed takes all away; then only the keeper is there. */
  async end(): Promise<void> {
    const { code, errors } = await this.hear(this.start('0', 'drain')).end;
    assert.equal(code, 0, errors);
    this.check();
    assert.deepEqual(readdirSync(this.storage), [KEEPER], 'no other folder is left');
    assert.deepEqual(readdirSync(join(this.directory, 'agent', 'pods')), [], 'nothing of a pod is left');
    assert.ok(!readFileSync('/proc/self/mountinfo', 'utf8').includes(this.directory), 'no mount is left');
  }

  async close(): Promise<void> {
    // One that a failure left would make folders for ever.
    if (this.child && this.child.exitCode === null && this.child.signalCode === null) {
      const ended = this.hear(this.child).end;
      this.child.kill('SIGKILL');
      await ended;
    }
    const mounted = readFileSync('/proc/self/mountinfo', 'utf8').includes(this.directory);
    if (mounted) await this.hear(this.start('0', 'drain')).end;
    // What is still mounted is not deleted through.
    if (!readFileSync('/proc/self/mountinfo', 'utf8').includes(this.directory)) {
      rmSync(this.directory, { recursive: true, force: true });
    }
  }

  private start(seed: string, mode: string): ChildProcess {
    this.child = spawn(process.execPath, [WORKER, this.directory, seed, mode], { stdio: ['ignore', 'pipe', 'pipe'] });
    return this.child;
  }

  private hear(child: ChildProcess) {
    let first!: () => void;
    const begun = new Promise<void>((resolve) => {
      first = resolve;
    });
    let text = '';
    let errors = '';
    child.stdout!.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk;
      first();
    });
    child.stderr!.setEncoding('utf8').on('data', (chunk: string) => {
      errors += chunk;
    });
    const end = new Promise<{ code: number | null; signal: string | null; errors: string }>((resolve) => {
      child.once('close', (code, signal) => {
        for (const line of text.split('\n').slice(0, -1)) this.take(line);
        resolve({ code, signal, errors });
      });
    });
    return { first: begun, end };
  }

  private take(line: string): void {
    const [what, claim] = line.split(' ');
    const known = this.known[Number(claim)]!;
    switch (what) {
      case 'coming':
        known.gone = false;
        known.unmounted = false;
        return;
      case 'wrote':
        known.has = true;
        return;
      case 'deleting':
        known.has = false;
        return;
      case 'unmounted':
        known.unmounted = true;
        return;
      case 'deleted':
        known.gone = true;
        return;
    }
  }

  /** A folder without pods, whose claim nobody counts on any more, becomes a link to something precious. */
  private link(random: () => number): void {
    for (const [claim, known] of this.known.entries()) {
      const path = join(this.storage, folderOf(claim));
      if (!known.unmounted || random() > 0.2 || !existsSync(path) || lstatSync(path).isSymbolicLink()) continue;
      renameSync(path, join(this.directory, `moved-${this.links++}`));
      symlinkSync(this.precious, path);
      this.known[claim] = {};
    }
  }

  private check(): void {
    assert.deepEqual(readdirSync(this.precious), ['file'], 'what links lead to is as it was');
    assert.equal(readFileSync(join(this.precious, 'file'), 'utf8'), 'kept');
    assert.equal(readFileSync(join(this.storage, KEEPER, 'token'), 'utf8'), 'keeper', 'the claim that nobody touched');
    for (const [claim, { has, gone }] of this.known.entries()) {
      const path = join(this.storage, folderOf(claim));
      if (has) assert.equal(readFileSync(join(path, 'token'), 'utf8'), String(claim), `the data of claim ${claim}`);
      if (gone) assert.ok(!existsSync(path), `claim ${claim} was deleted`);
    }
  }
}
