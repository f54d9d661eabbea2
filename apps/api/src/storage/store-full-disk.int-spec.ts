import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { chmodSync, closeSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startTestPostgres, testUnless } from '#testing';
import { openStore, StoreOutcomeUnknown, StoreUnavailable } from './index.js';
import { creation, write } from './testing/stored-objects.js';

const skip = process.getuid?.() === 0 ? false : 'a file system of its own takes root';
const MEGABYTE = 1 << 20;

/** Takes all the room that is left. */
function fill(path: string): void {
  const file = openSync(path, 'w');
  try {
    for (const size of [MEGABYTE, 4096]) {
      const chunk = Buffer.alloc(size);
      try {
        for (;;) writeSync(file, chunk);
      } catch (error) {
        assert.equal((error as NodeJS.ErrnoException).code, 'ENOSPC');
      }
    }
  } finally {
    closeSync(file);
  }
}

testUnless(
  skip,
  'on a full disk writes fail as not done, reads go on, and once there is room nothing acknowledged is lost',
  async () => {
    const disk = mkdtempSync(join(tmpdir(), 'berth-disk-'));
    chmodSync(disk, 0o755);
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=192m,mode=755', 'tmpfs', disk]);
    try {
      const postgres = await startTestPostgres({ within: disk });
      try {
        const store = await openStore({ databaseUrl: postgres.url, waitMs: 2_000 });
        const acknowledged = new Set<string>();
        const refused: Error[] = [];
        const unknown = new Set<string>();
        const attempt = async (name: string): Promise<boolean> => {
          try {
            await write(store, creation(name, { value: 'x'.repeat(MEGABYTE) }));
            acknowledged.add(name);
            return true;
          } catch (error) {
            if (error instanceof StoreOutcomeUnknown) unknown.add(name);
            else refused.push(error as Error);
            return false;
          }
        };
        assert.ok(await attempt('before'));
        const filler = join(disk, 'filler');
        fill(filler);
        let failures = 0;
        for (let turn = 0; failures < 3 && turn < 100; turn++) if (!(await attempt(`full-${turn}`))) failures++;
        assert.equal(failures, 3, 'there was no room');
        for (const error of refused)
          assert.ok(error instanceof StoreUnavailable && !/\n/.test(error.message), String(error));
        assert.ok(store.cache('pods').get('default', 'before'), 'reads go on');

        rmSync(filler);
        // The server may have given up meanwhile; a supervisor starts it again.
        await postgres.start();
        for (let turn = 0; !(await attempt(`room-${turn}`)); turn++) assert.ok(turn < 10, String(refused.at(-1)));
        await store.close();
        const again = await openStore({ databaseUrl: postgres.url });
        const present = new Set(
          again
            .cache('pods')
            .list({})!
            .items.map(({ name }) => name),
        );
        for (const name of acknowledged) assert.ok(present.has(name), name);
        for (const name of present)
          assert.ok(acknowledged.has(name) || unknown.has(name), `${name} was called not done`);
        await again.close();
      } finally {
        await postgres.stop();
      }
    } finally {
      execFileSync('umount', ['-l', disk]);
      rmSync(disk, { recursive: true });
    }
  },
);
