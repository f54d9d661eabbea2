import { type ChildProcess, execFile, execFileSync, spawn } from 'node:child_process';
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { installation, which } from '#host';
import { buildImage, type TarEntry } from '#oci';

export interface Output {
  code: number;
  stdout: string;
  stderr: string;
}

/** Why no cluster can run here, for `{ skip }`; undefined when it can. */
export function clusterMissing(): string | undefined {
  if (process.getuid?.() !== 0) return 'a node takes root';
  const missing = ['kubectl', 'containerd', 'iptables', 'nft', 'nsenter', 'ip', 'curl', 'script'].filter(
    (program) => !which(program),
  );
  return missing.length > 0 ? `missing on PATH: ${missing.join(', ')}` : undefined;
}

/**
 * A Berth of the test's own, started as a user starts it, in a network namespace and a data directory of its own:
 * what runs on the machine already, another Berth included, is not touched.
 */
export class Cluster {
  readonly directory = mkdtempSync(join(tmpdir(), 'berth-e2e-'));
  readonly dataDir = join(this.directory, 'data');
  readonly network: string;
  readonly nodeIp = '10.250.0.1';
  readonly nodeName = 'node-1';
  readonly flags: string[];

  constructor(name: string) {
    this.network = `berth-${name}-${process.pid}`;
    this.flags = [
      `--data-dir=${this.dataDir}`,
      `--node-name=${this.nodeName}`,
      `--node-ip=${this.nodeIp}`,
      `--cgroup-root=/${this.network}`,
    ];
    // PostgreSQL's own user passes through it.
    chmodSync(this.directory, 0o755);
    const ip = (...args: string[]) => execFileSync('ip', args);
    ip('netns', 'add', this.network);
    const inside = (...args: string[]) => ip('-n', this.network, ...args);
    inside('link', 'set', 'lo', 'up');
    // An address and a default route, as a machine has them; what is sent there goes nowhere.
    inside('link', 'add', 'eth0', 'type', 'veth', 'peer', 'name', 'eth0-peer');
    inside('link', 'set', 'eth0-peer', 'up');
    inside('addr', 'add', `${this.nodeIp}/24`, 'dev', 'eth0');
    inside('link', 'set', 'eth0', 'up');
    inside('route', 'add', 'default', 'via', '10.250.0.254', 'dev', 'eth0');
  }

  get kubeconfig(): string {
    return join(this.dataDir, 'kubeconfig');
  }

  get environment(): NodeJS.ProcessEnv {
    const { DATABASE_URL: _, KUBECONFIG: __, ...environment } = process.env;
    return { ...environment, HOME: this.directory, KUBECONFIG: join(this.directory, 'user-kubeconfig') };
  }

  inside(command: string[]): string[] {
    return ['nsenter', `--net=/run/netns/${this.network}`, '--', ...command];
  }

  /** Runs a command in the cluster's network; never throws for its exit code. */
  run(command: string[], options: { input?: string; timeout?: number } = {}): Promise<Output> {
    const [program, ...args] = this.inside(command);
    return new Promise((resolve) => {
      const child = execFile(
        program!,
        args,
        { env: this.environment, timeout: options.timeout ?? 120_000, maxBuffer: 1 << 26 },
        (error, stdout, stderr) => {
          const code = typeof error?.code === 'number' ? error.code : error ? 1 : 0;
          resolve({ code, stdout, stderr: stderr || (error && code === 1 && !stdout ? error.message : '') });
        },
      );
      // A command that ends without reading what it was given is no failure of the test.
      child.stdin?.on('error', () => {});
      child.stdin?.end(options.input ?? '');
    });
  }

  /** Runs a command in the cluster's network and blocks until it ended; throws when it fails. */
  now(command: string[]): string {
    const [program, ...args] = this.inside(command);
    return execFileSync(program!, args, { encoding: 'utf8' });
  }

  spawn(command: string[]): ChildProcess {
    const [program, ...args] = this.inside(command);
    return spawn(program!, args, { env: this.environment, stdio: ['pipe', 'pipe', 'pipe'] });
  }

  async ok(command: string[], options: { input?: string; timeout?: number } = {}): Promise<string> {
    const output = await this.run(command, options);
    if (output.code !== 0) {
      throw new Error(`${command.join(' ')}\nexit ${output.code}\n${output.stdout}\n${output.stderr}`);
    }
    return output.stdout;
  }

  berth(verb: string, ...args: string[]): string[] {
    return [process.execPath, join(installation, 'bin', 'berth.mjs'), verb, ...args];
  }

  up(...more: string[]): Promise<string> {
    return this.ok(this.berth('up', ...this.flags, ...more), { timeout: 180_000 });
  }

  down(): Promise<string> {
    return this.ok(this.berth('down', `--data-dir=${this.dataDir}`));
  }

  delete(): Promise<string> {
    return this.ok(this.berth('delete', `--data-dir=${this.dataDir}`));
  }

  kubectl(...args: string[]): Promise<string> {
    return this.ok(['kubectl', `--kubeconfig=${this.kubeconfig}`, ...args]);
  }

  async apply(manifest: string): Promise<string> {
    return this.ok(['kubectl', `--kubeconfig=${this.kubeconfig}`, 'apply', '-f', '-'], { input: manifest });
  }

  async json(...args: string[]): Promise<any> {
    return JSON.parse(await this.kubectl(...args, '-o', 'json'));
  }

  /** An image with busybox, a page that says its version, and other files, loaded as a user would load it. */
  async importImage(reference: string, page: string, files: readonly TarEntry[] = []): Promise<void> {
    const busybox = readFileSync('/bin/busybox');
    const names = execFileSync('/bin/busybox', ['--list'], { encoding: 'utf8' }).trim().split('\n');
    const { archive } = buildImage({
      reference,
      config: { Cmd: ['/bin/httpd', '-f', '-p', '8080', '-h', '/www'], Env: ['PATH=/bin'] },
      files: [
        { path: 'bin/busybox', mode: 0o755, content: busybox },
        ...names
          .filter((name) => name !== 'busybox')
          .map((name) => ({ path: `bin/${name}`, type: 'symlink' as const, target: 'busybox' })),
        { path: 'www/index.html', mode: 0o644, content: Buffer.from(`${page}\n`) },
        { path: 'tmp/', mode: 0o1777 },
        { path: 'etc/passwd', mode: 0o644, content: Buffer.from('root:x:0:0:root:/:/bin/sh\n') },
        ...files,
      ],
    });
    const file = join(this.directory, 'image.tar');
    writeFileSync(file, archive);
    await this.ok(this.berth('image', 'import', `--data-dir=${this.dataDir}`, file));
  }

  /** Pid of a unit as `berth status` tells it. */
  async pidOf(unit: string): Promise<number> {
    const { stdout } = await this.run(this.berth('status', `--data-dir=${this.dataDir}`));
    return Number(new RegExp(`^${unit}\\s+running\\s+(\\d+)`, 'm').exec(stdout)?.[1] ?? 0);
  }

  /** Deletes the cluster if it is still there, and the network around it. */
  async close(): Promise<void> {
    if (existsSync(this.dataDir)) await this.delete();
    execFileSync('ip', ['netns', 'delete', this.network]);
    rmSync(this.directory, { recursive: true, force: true });
  }
}

/** Polls until `check` gives something; on time-out says what was awaited and what was seen last. */
export async function until<T>(what: string, check: () => Promise<T | undefined | false>, seconds = 60): Promise<T> {
  const deadline = Date.now() + seconds * 1000;
  let failure: unknown;
  for (;;) {
    try {
      const result = await check();
      if (result) return result;
    } catch (error) {
      failure = error;
    }
    if (Date.now() > deadline) throw new Error(`never: ${what}`, { cause: failure });
    await sleep(200);
  }
}
