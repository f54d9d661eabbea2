import { parseFlags, usage } from '#settings';
import { processesOf } from './processes/in-charge.js';
import { step } from './progress.js';
import { dataDirFlag, dataDirOf } from './settings.js';
import type { Verb } from './verb.js';

export const down: Verb = {
  async run(args) {
    const { values } = parseFlags([dataDirFlag], args);
    if (values.help) {
      process.stdout.write(
        usage(
          'berth down [flags]',
          'Stops every process of Berth. Objects stay in the database, containers keep running, and the next `up` finds both.',
          [dataDirFlag],
        ),
      );
      return 0;
    }
    const layout = dataDirOf(values);
    const units = await step('stopping', () => processesOf(layout).shutDown());
    console.log(
      units
        ? `Stopped ${units.map((unit) => unit.name).join(', ')}. The data stays in ${layout.dataDir}.`
        : 'Berth is not running.',
    );
    return 0;
  },
};
