/**
 * Writes docs/validation.md from the validators as they are built in dist. `--check` writes nothing and fails when the
 * committed file differs.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { renderLedger } from '../dist/libs/kinds/src/built-in/validation-ledger.js';

const file = new URL('../docs/validation.md', import.meta.url);
const text = renderLedger();
if (!process.argv.includes('--check')) {
  writeFileSync(file, text);
} else if (!existsSync(file) || readFileSync(file, 'utf8') !== text) {
  console.error('docs/validation.md is not what the validators say: run `npm run generate`');
  process.exitCode = 1;
}
