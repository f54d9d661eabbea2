import { spawn } from 'node:child_process';
import { type Flag, parseFlags, usage } from '#settings';
import { processesOf } from './processes/in-charge.js';
import { dataDirFlag, dataDirOf, loadSettings } from './settings.js';
import { unitNames } from './up/units.js';
import { CliError, UsageError, type Verb } from './verb.js';

const MOST_LINES = 1_000_000;
const flags: Flag[] = [
  dataDirFlag,
  { name: 'follow', short: 'f', help: 'go on with what is logged from now on' },
  {
    name: 'lines',
    short: 'n',
    argument: 'NUMBER',
    help: 'how many of the last lines, of each process',
    default: '100',
  },
];

export const logs: Verb = {
  async run(args) {
    const { values, positionals } = parseFlags(flags, args, true);
    if (values.help) {
      process.stdout.write(
        usage(
          'berth logs [PROCESS...] [flags]',
          'Shows what the processes of Berth logged, in files or in the journal. `berth status` names them.',
          flags,
        ),
      );
      return 0;
    }
    const lines = Number(values['lines'] ?? 100);
    if (!Number.isInteger(lines) || lines < 0 || lines > MOST_LINES)
      throw new UsageError(`--lines: must be a whole number from 0 to ${MOST_LINES}: got ${values['lines']}`);
    const layout = dataDirOf(values);
    const settings = loadSettings(layout);
    if (!settings) throw new CliError(`there was no Berth in ${layout.dataDir} yet; start it with: npm run up`);
    const there = unitNames(settings);
    const unknown = positionals.find((name) => !there.includes(name));
    if (unknown !== undefined)
      throw new UsageError(`there is no process ${unknown}: must be one of ${there.join(', ')}`);
    const units = positionals.length > 0 ? positionals : there;
    const [program, ...rest] = processesOf(layout).logCommand({ units, lines, follow: values['follow'] === 'true' });
    const child = spawn(program!, rest, { stdio: 'inherit' });
    return new Promise((resolve, reject) => {
      child.on('error', (error) => reject(new CliError(`${program}: ${error.message}`)));
      child.on('close', (code) => resolve(code ?? 1));
    });
  },
};
