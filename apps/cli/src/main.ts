import { apply } from './apply.js';
import { deleteCluster } from './delete.js';
import { down } from './down.js';
import { image } from './image.js';
import { kubeconfig } from './kubeconfig.js';
import { status } from './status.js';
import { up } from './up.js';
import { CliError, UsageError, type Verb } from './verb.js';

const verbs: readonly Verb[] = [up, down, status, deleteCluster, kubeconfig, apply, image];

function help(): string {
  const rows = verbs.map((verb) => `  ${verb.name.padEnd(12)}${verb.summary}`).join('\n');
  return `Usage: berth VERB [flags]\n\nBerth runs containers behind the Kubernetes API. For everything else there is kubectl.\n\nVerbs:\n${rows}\n\nMore on one: berth VERB --help\n`;
}

async function main(args: string[]): Promise<number> {
  const [name, ...rest] = args;
  if (name === undefined || name === '--help' || name === '-h' || name === 'help') {
    process.stdout.write(help());
    return name === undefined ? 2 : 0;
  }
  const verb = verbs.find((candidate) => candidate.name === name);
  if (!verb) {
    console.error(`berth: there is no verb ${name}; see: berth --help`);
    return 2;
  }
  try {
    return await verb.run(rest);
  } catch (error) {
    if (error instanceof UsageError) {
      console.error(`berth ${name}: ${error.message}; see: berth ${name} --help`);
      return 2;
    }
    if (error instanceof CliError || isExpected(error as NodeJS.ErrnoException)) {
      console.error(`berth ${name}: ${(error as Error).message}`);
      return 1;
    }
    throw error;
  }
}

/**
 * Errors that libraries raise for the user's sake, and those of the operating system (no permission, disk full): their
 * message says what failed on which path. Anything else is a defect, and its stack is worth more than a clean line.
 */
function isExpected(error: NodeJS.ErrnoException): boolean {
  const named = ['StatusError', 'KubeconfigError', 'ConnectionError', 'PostgresError'];
  return named.includes(error.name) || (error.syscall !== undefined && error.code !== undefined);
}

process.exitCode = await main(process.argv.slice(2));
