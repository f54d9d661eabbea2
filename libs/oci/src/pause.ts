import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type BuiltImage, buildImage } from './image.js';

/** The sandbox image of every pod; imported, never pulled. */
export const PAUSE_IMAGE = 'berth.local/pause:0.1';

/** Packs the built `native/pause`. Throws with the build command when it is missing. */
export function buildPauseImage(program = findPauseProgram()): BuiltImage {
  return buildImage({
    reference: PAUSE_IMAGE,
    config: { Entrypoint: ['/pause'], User: '65535:65535' },
    files: [{ path: 'pause', mode: 0o755, content: readFileSync(program) }],
  });
}

function findPauseProgram(): string {
  // dist/libs/oci/src or libs/oci/src, below the root either way.
  let root = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(root, 'package.json')) && dirname(root) !== root) root = dirname(root);
  const target = process.env['CARGO_TARGET_DIR'] ?? join(root, 'target');
  const program = join(target, 'release', 'berth-pause');
  if (!existsSync(program)) throw new Error(`${program} is missing: run \`node scripts/build-native.mjs pause\``);
  return program;
}
