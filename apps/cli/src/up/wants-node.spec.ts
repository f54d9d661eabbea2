import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isRoot } from '../layout.js';
import { wantsNode } from './wants-node.js';

describe('Whether up starts a node', () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'berth-wants-node-'));
    const head = 'apiVersion: berth.io/v1alpha1\nkind: ClusterConfiguration\n';
    writeFileSync(join(folder, 'without'), `${head}node: false\n`);
    writeFileSync(join(folder, 'with'), `${head}node: true\n`);
    writeFileSync(join(folder, 'wrong'), `${head}node: maybe\n`);
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  const wants = (...args: string[]) =>
    wantsNode([`--data-dir=${join(folder, 'data')}`, ...args.map((arg) => arg.replace('OUT', folder))]);

  const rows: [args: string[], node: boolean][] = [
    [[], true],
    [['--no-node'], false],
    [['--no-node=true'], false],
    [['--no-node=false'], true],
    [['--no-node', 'false'], true],
    [['--no-node', 'true'], false],
    [['--config', 'OUT/without'], false],
    [['--config=OUT/with'], true],
    [['--config=OUT/without', '--no-node', 'false'], true],
    [['--config=OUT/with', '--no-node'], false],
  ];
  for (const [args, node] of rows) {
    it(`is ${node} with ${args.join(' ') || 'no flags'}`, async () => {
      assert.equal(await wants(...args), node && isRoot);
    });
  }

  it('is not answered for what up refuses', async () => {
    await assert.rejects(wants('--config=OUT/wrong'), /node: must be a boolean: got "maybe"$/);
    await assert.rejects(wants('--colour'), /Unknown option '--colour'/);
  });
});
