import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { silentLogger } from '#client';
import { anObserved, running } from '../testing/pod-builders.js';
import { rotateLogs } from './log-rotation.js';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'berth-logs-'));
});
afterEach(() => rmSync(directory, { recursive: true }));

async function rotate(reopenContainerLog: (id: string) => Promise<void>, name = '0.log'): Promise<void> {
  const pods = [anObserved({ containers: [running('main', { logPath: join(directory, name) })] })];
  await rotateLogs({ reopenContainerLog }, pods, silentLogger, 10);
}

const names = () => readdirSync(directory).sort();

test('a long log is renamed, older parts are packed, and the oldest go', async () => {
  for (const part of ['1', '2', '3', '4'])
    writeFileSync(join(directory, `0.log.2026010${part}-000000`), `part ${part}`);
  writeFileSync(join(directory, '0.log.rest.tmp'), 'left by an agent that was killed');
  writeFileSync(join(directory, '0.log'), 'longer than ten bytes');
  writeFileSync(join(directory, '1.log'), "another container's");
  await rotate(async () => writeFileSync(join(directory, '0.log'), ''));
  const [log, second, third, fourth, last, other, ...rest] = names();
  assert.deepEqual([log, other, rest], ['0.log', '1.log', []]);
  assert.deepEqual(
    [second, third, fourth],
    ['2', '3', '4'].map((part) => `0.log.2026010${part}-000000.gz`),
  );
  assert.equal(gunzipSync(readFileSync(join(directory, fourth!))).toString(), 'part 4');
  assert.equal(readFileSync(join(directory, last!), 'utf8'), 'longer than ten bytes');
});

test('a log that the runtime does not open anew keeps its name', async () => {
  writeFileSync(join(directory, '0.log'), 'longer than ten bytes');
  await rotate(() => Promise.reject(new Error('away')));
  assert.deepEqual(names(), ['0.log']);
});

test('a short log and one that is no file stay as they are, and nobody waits', async () => {
  const never = () => Promise.reject(new Error('must not be asked'));
  writeFileSync(join(directory, '0.log'), 'short');
  await rotate(never);
  execFileSync('mkfifo', [join(directory, 'pipe')]);
  await rotate(never, 'pipe');
  await rotate(never, 'none');
  assert.deepEqual(names(), ['0.log', 'pipe']);
  // A pipe among the parts is not read for ever either.
  execFileSync('mkfifo', [join(directory, '0.log.20260101-000000')]);
  writeFileSync(join(directory, '0.log'), 'longer than ten bytes');
  await rotate(async () => {});
  assert.ok(existsSync(join(directory, '0.log')));
});
