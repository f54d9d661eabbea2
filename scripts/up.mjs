// `npm run up`: prepares this checkout and then runs `berth up` with the same arguments.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { PrepareError, preparePrograms, prepareTypeScript, root } from './prepare.mjs';

const args = process.argv.slice(2);
const help = args.includes('--help') || args.includes('-h');
const emitted = join(root, 'dist', 'apps', 'cli', 'src');

function berthUp() {
  const berth = spawnSync(process.execPath, [join(root, 'bin', 'berth.mjs'), 'up', ...args], { stdio: 'inherit' });
  process.exit(berth.status ?? 1);
}

/** Whether it starts a node. Refused arguments are `berth up`'s to tell of: before minutes are spent on the crates. */
async function wantsNode() {
  const { wantsNode: ask } = await import(join(emitted, 'up', 'wants-node.js'));
  return ask(args).catch(berthUp);
}

try {
  // The text of --help takes only the TypeScript, and whatever build of it is there.
  if (!help) {
    await prepareTypeScript({ crates: true });
    await preparePrograms({ node: await wantsNode(), test: false });
  } else if (!existsSync(join(emitted, 'main.js'))) {
    console.log('Not built yet: --help takes npm packages and the TypeScript.');
    await prepareTypeScript({ crates: false });
  }
} catch (error) {
  if (!(error instanceof PrepareError)) throw error;
  console.error(`up: ${error.message}`);
  process.exit(1);
}
berthUp();
