import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const module = join(import.meta.dirname, 'postgres-environment.js');

test('a program that ends without a word leaves neither its server nor the files of it', async () => {
  const within = await mkdtemp(join(tmpdir(), 'berth-pg-left-'));
  // The server's user goes through it.
  await chmod(within, 0o755);
  const program = `
    import { startTestPostgres } from ${JSON.stringify(module)};
    await startTestPostgres({ within: ${JSON.stringify(within)} });
    process.exit(3);
  `;
  try {
    const child = spawn(process.execPath, ['--input-type=module', '--eval', program], { stdio: 'inherit' });
    assert.deepEqual(await once(child, 'exit'), [3, null]);
    assert.deepEqual(await readdir(within), []);
  } finally {
    await rm(within, { recursive: true, force: true });
  }
});
