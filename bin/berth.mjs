#!/usr/bin/env node
import { existsSync } from 'node:fs';
import { continueOnPinnedNode } from './pinned-node.mjs';

const main = new URL('../dist/apps/cli/src/main.js', import.meta.url);
if (!existsSync(main)) {
  console.error('berth: not built yet; run: npm run up');
  process.exit(1);
}
await continueOnPinnedNode();
await import(main.href);
