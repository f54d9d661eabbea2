import { camelCase } from '../kind-modules.mjs';
import { checkKebabCase, words } from './names.mjs';

export const usage = 'verb NAME (as in kubeconfig)';

/** A verb of the command line with its spec. */
export function template([name = '']) {
  checkKebabCase('name', name);
  const own = camelCase(name);
  return {
    files: {
      [`apps/cli/src/${name}.ts`]: `import { parseFlags, usage } from '#settings';
import { dataDirFlag, dataDirOf } from './settings.js';
import type { Verb } from './verb.js';

export const ${own}: Verb = {
  async run(args) {
    const { values } = parseFlags([dataDirFlag], args);
    if (values.help) {
      process.stdout.write(usage('berth ${name} [flags]', 'Prints where the kubeconfig is.', [dataDirFlag]));
      return 0;
    }
    console.log(dataDirOf(values).kubeconfig);
    return 0;
  },
};
`,
      [`apps/cli/src/${name}.spec.ts`]: `import assert from 'node:assert/strict';
import { ${own} } from './${name}.js';

describe('berth ${words(name)}', () => {
  it('names a flag that it does not know', async () => {
    await assert.rejects(${own}.run(['--no-such-flag']), /--no-such-flag/);
  });

  it('does what it is for', async () => {
    assert.equal(await ${own}.run([]), 'write what it does');
  });
});
`,
    },
    steps: [
      `Add it to the verbs of apps/cli/src/main.ts, with its summary for --help.`,
      `Write ${name}.spec.ts, then ${name}.ts until it passes.`,
      'Describe it in docs/command-line.md.',
      'npm test -- check && npm test -- unit cli',
    ],
  };
}
