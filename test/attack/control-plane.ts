import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { installation } from '#host';
import { startTestPostgres, type TestPostgres } from '#testing';
import { ForeignTokens } from './foreign-tokens.js';
import { type Identity, Requester } from './requester.js';

const MAIN = join(installation, 'dist/apps/api/src/main.js');
/** Those that a Berth's own units give the server: memory is bounded with them. */
const NODE_FLAGS = ['--enable-source-maps', '--max-semi-space-size=16'];

/** A server process as users run it, on a PostgreSQL of its own; the attacker is another process. */
export class ControlPlane {
  readonly requester: Requester;
  readonly admin: Identity;
  private readonly started: string;

  private constructor(
    readonly dataDir: string,
    readonly address: string,
    readonly port: number,
    readonly process: ChildProcess,
    readonly postgres: TestPostgres,
    readonly foreign: ForeignTokens,
  ) {
    this.requester = new Requester(address, port, this.pki('ca.crt'));
    this.admin = { name: 'administrator', cert: this.pki('admin.crt'), key: this.pki('admin.key') };
    this.started = this.startTime();
  }

  /** @param address that the server listens on; nodes of the tests have it, too. */
  static async start(address: string): Promise<ControlPlane> {
    const dataDir = mkdtempSync(join(tmpdir(), 'berth-attack-'));
    const postgres = await startTestPostgres();
    const database = await postgres.createDatabase();
    const port = await freePort(address);
    const foreign = await ForeignTokens.start();
    const flags = {
      'data-dir': dataDir,
      'bind-address': address,
      'secure-port': port,
      'advertise-address': address === '127.0.0.1' ? '192.0.2.1' : address,
      components: 'api',
      ...(await foreign.flags(dataDir)),
    };
    const log = openSync(join(dataDir, 'server.log'), 'w');
    const child = spawn(
      process.execPath,
      [...NODE_FLAGS, MAIN, ...Object.entries(flags).map(([name, value]) => `--${name}=${value}`)],
      { stdio: ['ignore', log, log], env: { ...process.env, DATABASE_URL: database.url, NODE_ENV: 'production' } },
    );
    closeSync(log);
    const ready = () => /\bready\b/.test(readFileSync(join(dataDir, 'server.log'), 'utf8'));
    for (const deadline = Date.now() + 60_000; !ready(); await sleep(50)) {
      if (child.exitCode !== null || Date.now() > deadline) {
        throw new Error(`the server does not start:\n${readFileSync(join(dataDir, 'server.log'), 'utf8')}`);
      }
    }
    return new ControlPlane(dataDir, address, port, child, postgres, foreign);
  }

  /** Text of a file below `pki/`. */
  pki(name: string): string {
    return readFileSync(join(this.dataDir, 'pki', name), 'utf8');
  }

  get log(): string {
    return readFileSync(join(this.dataDir, 'server.log'), 'utf8');
  }

  /** Resident memory of the server process in MiB. */
  get residentMiB(): number {
    const status = readFileSync(`/proc/${this.process.pid}/status`, 'utf8');
    return Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1]) / 1024;
  }

  /** It is the process that was started, and it did not end in between. */
  get isSameProcess(): boolean {
    try {
      return this.process.exitCode === null && this.startTime() === this.started;
    } catch {
      return false;
    }
  }

  async metrics(): Promise<string> {
    const { code, text } = await this.requester.send(this.admin, { path: '/metrics' });
    if (code !== 200) throw new Error(`/metrics: ${code} ${text.slice(0, 200)}`);
    return text;
  }

  /** Requests that the server believes to be under way, the one that asks not counted. */
  async openRequests(): Promise<number> {
    const gauges = /^apiserver_(?:current_inflight_requests|longrunning_requests)\{[^\n]*\} (\d+)$/gm;
    const sum = [...(await this.metrics()).matchAll(gauges)].reduce((total, [, value]) => total + Number(value), 0);
    // The request for /metrics is itself one that is being answered, where it counts at all.
    return Math.max(0, sum - 1);
  }

  /** A JSON document as the administrator gets it; throws when the code is not below 300. */
  async json(
    path: string,
    request: { method?: string; body?: object; headers?: Record<string, string> } = {},
  ): Promise<any> {
    const { code, text } = await this.requester.send(this.admin, { path, ...request });
    if (code < 200 || code >= 300) throw new Error(`${request.method ?? 'GET'} ${path}: ${code} ${text.slice(0, 400)}`);
    return JSON.parse(text);
  }

  create(path: string, object: object): Promise<any> {
    return this.json(path, { method: 'POST', body: object });
  }

  /** Ends the server and its database and removes their files. */
  async close(): Promise<void> {
    this.requester.close();
    const ended = new Promise((resolve) => this.process.once('exit', resolve));
    if (this.process.exitCode === null && this.process.signalCode === null) {
      this.process.kill('SIGKILL');
      await ended;
    }
    await this.postgres.stop();
    await this.foreign.close();
    rmSync(this.dataDir, { recursive: true, force: true });
  }

  /** Clock ticks since boot at which the process began: tells it from one with the same number. */
  private startTime(): string {
    return readFileSync(`/proc/${this.process.pid}/stat`, 'utf8').split(') ')[1]!.split(' ')[19]!;
  }
}

async function freePort(address: string): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve, reject) => server.listen(0, address, resolve).on('error', reject));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
