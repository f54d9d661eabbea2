import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { installation } from '#host';
import type { Verb } from './verb.js';

/** Many nodes make much that lives short: with V8's default size an eighth of the time goes into collecting it. */
const NODE_FLAGS = ['--max-semi-space-size=32'];

/** The nodes are a process of their own, which has the flags and their help. */
export const hollowNode: Verb = {
  async run(args) {
    const program = join(installation, 'dist', 'apps', 'node-agent', 'src', 'hollow', 'main.js');
    const child = spawn(process.execPath, [...NODE_FLAGS, program, ...args], { stdio: 'inherit' });
    process.on('SIGTERM', () => child.kill('SIGTERM'));
    // A terminal sends it to both.
    process.on('SIGINT', () => {});
    const [code] = await once(child, 'exit');
    return code ?? 1;
  },
};
