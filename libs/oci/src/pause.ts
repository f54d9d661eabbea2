import { readFileSync } from 'node:fs';
import { nativeProgram } from '#host';
import { type BuiltImage, buildImage } from './image.js';

/** The sandbox image of every pod; imported, never pulled. */
export const PAUSE_IMAGE = 'berth.local/pause:0.1';

/** Packs the built `native/pause`. Throws with the build command when it is missing. */
export function buildPauseImage(program = nativeProgram('berth-pause')): BuiltImage {
  return buildImage({
    reference: PAUSE_IMAGE,
    config: { Entrypoint: ['/pause'], User: '65535:65535' },
    files: [{ path: 'pause', mode: 0o755, content: readFileSync(program) }],
  });
}
