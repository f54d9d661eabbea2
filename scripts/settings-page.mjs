/**
 * Writes docs/settings.md from the table of settings as it is built in dist. `--check` writes nothing and fails when the committed
 * file differs.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { settingsPage } from '../dist/libs/settings/src/settings-page.js';

const file = new URL('../docs/settings.md', import.meta.url);
const text = settingsPage();
if (!process.argv.includes('--check')) {
  writeFileSync(file, text);
} else if (!existsSync(file) || readFileSync(file, 'utf8') !== text) {
  console.error('docs/settings.md is not what the table of settings says: run `npm run generate`');
  process.exitCode = 1;
}
