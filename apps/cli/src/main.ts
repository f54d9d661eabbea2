import { CliError, UsageError, type Verb } from './verb.js';

/** Verbs in the order of --help. Each is loaded when it is called: most need little of what the others do. */
const verbs: readonly { name: string; summary: string; load(): Promise<Verb> }[] = [
  { name: 'up', summary: 'start the cluster, or finish starting it', load: async () => (await import('./up.js')).up },
  {
    name: 'down',
    summary: 'stop the cluster and keep its data; running pods keep running',
    load: async () => (await import('./down.js')).down,
  },
  {
    name: 'status',
    summary: 'show what runs, and whether the API and the node are ready',
    load: async () => (await import('./status.js')).status,
  },
  {
    name: 'logs',
    summary: 'show what the processes logged',
    load: async () => (await import('./logs.js')).logs,
  },
  {
    name: 'delete',
    summary: 'stop the cluster and remove everything that is of it: pods, network, data',
    load: async () => (await import('./delete.js')).deleteCluster,
  },
  {
    name: 'kubeconfig',
    summary: "print the path of the administrator's kubeconfig",
    load: async () => (await import('./kubeconfig.js')).kubeconfig,
  },
  {
    name: 'apply',
    summary: 'make the cluster equal to manifests: apply -f FILE',
    load: async () => (await import('./apply.js')).apply,
  },
  {
    name: 'image',
    summary: 'import image archives into the node, or list its images',
    load: async () => (await import('./image.js')).image,
  },
  {
    name: 'hollow-node',
    summary: 'play many nodes that run nothing, for tests of large clusters',
    load: async () => (await import('./hollow-node.js')).hollowNode,
  },
];

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
    console.error(`berth: unknown verb ${name}; see: berth --help`);
    return 2;
  }
  try {
    return await (await verb.load()).run(rest);
  } catch (error) {
    // By its name: --help needs nothing of the library of settings.
    if (error instanceof UsageError || (error as Error)?.name === 'SettingError') {
      console.error(`berth ${name}: ${(error as Error).message}; see: berth ${name} --help`);
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
  const named = ['StatusError', 'KubeconfigError', 'ConnectionError', 'PostgresError', 'NotBuiltError'];
  return named.includes(error.name) || (error.syscall !== undefined && error.code !== undefined);
}

process.exitCode = await main(process.argv.slice(2));
