import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Layout } from '../layout.js';
import { Supervisor, startPatience } from './supervisor.js';

const unit = { name: 'server', state: 'running', pid: 7, restarts: 0, message: '' } as const;

describe('Asking the supervisor', () => {
  let folder: string;
  let server: Server | undefined;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'berth-supervisor-'));
  });
  afterEach(async () => {
    if (server?.listening) await new Promise((resolve) => server?.close(resolve));
    rmSync(folder, { recursive: true, force: true });
  });

  const layout = () => ({ supervisorSocket: join(folder, 'socket'), logDir: folder, runDir: folder }) as Layout;
  const status = () => new Supervisor(layout()).status();
  /** Gives each connection to the next of `answers`, and all further ones to the last. */
  async function listen(...answers: ((socket: Socket) => void)[]): Promise<void> {
    server = createServer((socket) => {
      socket.on('error', () => {});
      socket.once('data', () => (answers.length > 1 ? answers.shift()! : answers[0]!)(socket));
    });
    await new Promise<void>((resolve) => server?.listen(layout().supervisorSocket, resolve));
  }
  const answer = (value: object) => (socket: Socket) => void socket.write(`${JSON.stringify(value)}\n`);
  const close = (socket: Socket) => void socket.destroy();

  it('gives what it says, also when that comes in pieces', async () => {
    const text = `${JSON.stringify({ units: [unit] })}\n`;
    await listen((socket) => {
      socket.write(text.slice(0, 9));
      setTimeout(() => socket.write(text.slice(9)), 20);
    });
    assert.deepEqual(await status(), [unit]);
  });

  it('gives nothing when there is none', async () => {
    assert.equal(await status(), undefined);
  });

  it('asks again when the connection is closed without an answer', async () => {
    await listen(close, close, answer({ units: [unit] }));
    assert.deepEqual(await status(), [unit]);
  });

  it('gives nothing when it ends meanwhile', async () => {
    await listen((socket) => {
      server?.close();
      rmSync(layout().supervisorSocket, { force: true });
      socket.destroy();
    });
    assert.equal(await status(), undefined);
  });

  it('fails when it never answers, instead of taking that for none', async () => {
    await listen(close);
    await assert.rejects(status(), {
      message: /^the supervisor at .*socket closes the connection without an answer; see /,
    });
  }, 20_000);

  it('gives a new one as long as all that runs has to stop', () => {
    const processes = join(folder, 'processes');
    mkdirSync(processes);
    const started = Number(readFileSync('/proc/self/stat', 'utf8').split(') ').at(-1)!.split(' ')[19]);
    const record = (name: string, start_time: number, stopSeconds?: number) =>
      writeFileSync(
        join(processes, `${name}.json`),
        JSON.stringify({ pid: process.pid, start_time, unit: { name, stopSeconds } }),
      );
    assert.equal(startPatience(layout()), 30_000);
    record('server', started, 75);
    record('dns', started);
    record('postgres', started + 1, 60);
    assert.equal(startPatience(layout()), 120_000);
  });

  it('fails with what it reports', async () => {
    await listen(answer({ error: 'no such file', units: [] }));
    await assert.rejects(status(), { message: 'the supervisor reports: no such file' });
  });
});
