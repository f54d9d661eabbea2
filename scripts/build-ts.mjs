// `npm run build:ts` emits what changed. `npm run dev` stays, and emits what changes.
import { watch } from 'node:fs';
import { join } from 'node:path';
import { root } from './prepare.mjs';
import { buildTypeScript, SOURCES } from './typescript-build.mjs';

/** Milliseconds to wait for further changes: editors and git write several files. */
const SETTLE = 50;

async function build() {
  const begun = performance.now();
  try {
    const { emit, remove } = await buildTypeScript(root);
    return { emitted: emit.length, removed: remove.length, took: performance.now() - begun };
  } catch (error) {
    console.error(error.message);
    return undefined;
  }
}

function tell(result) {
  if (!result || result.emitted + result.removed === 0) return;
  const removed = result.removed ? `, removed ${result.removed}` : '';
  console.log(`emitted ${result.emitted} files${removed} in ${result.took.toFixed(0)} ms`);
}

const first = await build();
tell(first);
if (!process.argv.includes('--watch')) {
  if (!first) process.exitCode = 1;
} else {
  console.log(`watching ${SOURCES.join(', ')}; end with Ctrl-C`);
  let timer;
  let running = Promise.resolve();
  const changed = () => {
    clearTimeout(timer);
    timer = setTimeout(() => {
      running = running.then(build).then(tell);
    }, SETTLE);
  };
  for (const folder of SOURCES) watch(join(root, folder), { recursive: true }, changed);
}
