// `npm run new -- kind|controller|admission|scheduler-plugin|verb NAME`: writes the files of a new one, with a test that fails
// until it is written, and says what comes next. It overwrites nothing.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import * as admission from './templates/admission.mjs';
import * as controller from './templates/controller.mjs';
import * as kind from './templates/kind.mjs';
import { TemplateError } from './templates/names.mjs';
import * as schedulerPlugin from './templates/scheduler-plugin.mjs';
import * as verb from './templates/verb.mjs';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const templates = new Map(Object.entries({ kind, controller, admission, 'scheduler-plugin': schedulerPlugin, verb }));
const usage = `Usage: npm run new -- WHAT NAME\n\n${[...templates.values()].map((item) => `  ${item.usage}`).join('\n')}\n`;

/**
 * Files by their path below the root, and the steps that are left to whoever asked. Throws a TemplateError.
 * @param {string[]} args
 * @returns {{ files: Record<string, string>, steps: string[] }}
 */
export function plan([what = '', ...names]) {
  const chosen = templates.get(what);
  if (chosen === undefined)
    throw new TemplateError(`${JSON.stringify(what)}: must be one of ${[...templates.keys()].join(', ')}`);
  const facts = JSON.parse(readFileSync(join(root, 'libs/kinds/src/facts/api.json'), 'utf8'));
  return chosen.template(names, { facts });
}

function main(args) {
  if (args.length === 0 || args.includes('--help')) {
    console.log(usage);
    return args.length === 0 ? 2 : 0;
  }
  try {
    const { files, steps } = plan(args);
    const taken = Object.keys(files).filter((path) => existsSync(join(root, path)));
    if (taken.length > 0) throw new TemplateError(`${taken.join(', ')}: is there already`);
    for (const [path, text] of Object.entries(files)) {
      mkdirSync(dirname(join(root, path)), { recursive: true });
      writeFileSync(join(root, path), text, { flag: 'wx' });
      console.log(`made ${path}`);
    }
    console.log(`\nNext:\n${steps.map((step, i) => `  ${i + 1}. ${step}`).join('\n')}`);
    return 0;
  } catch (error) {
    if (!(error instanceof TemplateError)) throw error;
    console.error(`new: ${error.message}\n\n${usage}`);
    return 2;
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) process.exitCode = main(process.argv.slice(2));
