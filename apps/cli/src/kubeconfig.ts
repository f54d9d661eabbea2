import { existsSync } from 'node:fs';
import { parseFlags, usage } from '#settings';
import { dataDirFlag, dataDirOf } from './settings.js';
import { CliError, type Verb } from './verb.js';

export const kubeconfig: Verb = {
  async run(args) {
    const { values } = parseFlags([dataDirFlag], args);
    if (values.help) {
      process.stdout.write(
        usage('berth kubeconfig [flags]', 'For: export KUBECONFIG=$(npm run --silent kubeconfig)', [dataDirFlag]),
      );
      return 0;
    }
    const path = dataDirOf(values).kubeconfig;
    if (!existsSync(path)) throw new CliError(`${path} does not exist yet; run: npm run up`);
    console.log(path);
    return 0;
  },
};
