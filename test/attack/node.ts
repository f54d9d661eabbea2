import { execFile, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { installation } from '#host';
import { type Identity, Requester } from './requester.js';

export interface Output {
  code: number;
  text: string;
}

/** A running node of the test's own, seen from within its network namespace. */
/** kubectl may read a stream's empty first message before it has made the stream, and says that on standard error. */
const EARLY_MESSAGE = /^E\d{4} .* Unknown stream id \d+, discarding message\n/gm;

export class NodeUnderAttack {
  /** The node agent's server. */
  readonly requester: Requester;
  readonly api: Requester;
  readonly admin: Identity;
  private readonly running: Record<string, number>;

  private constructor(
    readonly dataDir: string,
    readonly address: string,
    /** Name of the network namespace. */
    readonly network: string,
    running: Record<string, number>,
  ) {
    this.requester = new Requester(address, 10250, this.pki('ca.crt'));
    this.api = new Requester(address, 6443, this.pki('ca.crt'));
    this.admin = { name: 'administrator', cert: this.pki('admin.crt'), key: this.pki('admin.key') };
    this.running = running;
  }

  static async at(dataDir: string, address: string, network: string): Promise<NodeUnderAttack> {
    return new NodeUnderAttack(dataDir, address, network, await pidsOf(dataDir));
  }

  pki(name: string): string {
    return readFileSync(join(this.dataDir, 'pki', name), 'utf8');
  }

  /** Units whose process is not the one that it was at the start. */
  async restarted(): Promise<string[]> {
    const now = await pidsOf(this.dataDir);
    return Object.entries(this.running)
      .filter(([unit, pid]) => now[unit] !== pid)
      .map(([unit, pid]) => `${unit}: ${pid} -> ${now[unit] ?? 'gone'}`);
  }

  kubectl(args: string[], input = '', timeoutS = 60): Promise<Output> {
    return run('kubectl', [`--kubeconfig=${join(this.dataDir, 'kubeconfig')}`, ...args], input, timeoutS);
  }

  /** Throws when kubectl fails. */
  async apply(...objects: object[]): Promise<void> {
    const { code, text } = await this.kubectl(
      ['apply', '-f', '-'],
      objects.map((object) => JSON.stringify(object)).join('\n'),
    );
    if (code !== 0) throw new Error(`kubectl apply: ${text}`);
  }

  async json(...args: string[]): Promise<any> {
    const { code, text } = await this.kubectl([...args, '-o', 'json']);
    if (code !== 0) throw new Error(`kubectl ${args.join(' ')}: ${text}`);
    return JSON.parse(text);
  }

  /** Runs a shell text in a pod's first container, standard error with the output. */
  async exec(pod: string, script: string, timeoutS = 30): Promise<Output> {
    const command = ['exec', pod, '-c', 'main', '--', 'sh', '-c', `{ ${script}\n} 2>&1`];
    const { code, text } = await this.kubectl(command, '', timeoutS);
    return { code, text: text.replace(EARLY_MESSAGE, '') };
  }

  async waitReady(...pods: string[]): Promise<void> {
    const names = pods.map((pod) => `pod/${pod}`);
    const { code, text } = await this.kubectl(['wait', '--for=condition=Ready', ...names, '--timeout=60s'], '', 70);
    if (code !== 0) throw new Error(`never Ready: ${text}`);
  }

  async remove(...pods: string[]): Promise<void> {
    await this.kubectl(
      ['delete', 'pod', ...pods, '--ignore-not-found', '--grace-period=1', '--wait=true', '--timeout=40s'],
      '',
      50,
    );
  }
}

/** A program, its output with its errors, and its exit code; 124 when it took too long. */
export function run(
  program: string,
  args: string[],
  input = '',
  timeoutS = 60,
  ids: { uid?: number; gid?: number } = {},
): Promise<Output> {
  return new Promise((resolve) => {
    const child = execFile(
      program,
      args,
      { timeout: timeoutS * 1000, maxBuffer: 1 << 26, ...ids },
      (error, stdout, stderr) => {
        const code = error ? (typeof error.code === 'number' ? error.code : error.killed ? 124 : 1) : 0;
        resolve({ code, text: `${stdout}${stderr}` });
      },
    );
    child.stdin?.on('error', () => {});
    child.stdin?.end(input);
  });
}

/** A program that runs beside the rows; the function ends it. */
export function beside(program: string, args: string[]): () => void {
  const child = spawn(program, args, { stdio: 'ignore' });
  return () => child.kill();
}

async function pidsOf(dataDir: string): Promise<Record<string, number>> {
  const berth = join(installation, 'bin', 'berth.mjs');
  const { text } = await run(process.execPath, [berth, 'status', `--data-dir=${dataDir}`]);
  return Object.fromEntries(
    [...text.matchAll(/^(\S+)\s+running\s+(\d+)/gm)].map(([, unit, pid]) => [unit!, Number(pid)]),
  );
}
