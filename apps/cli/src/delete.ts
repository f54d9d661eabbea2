import { spawn } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { removeServerUser } from '#postgres';
import { parseFlags, usage } from '#settings';
import { unmergeKubeconfig, userKubeconfig } from './kubeconfig-file.js';
import { isRoot, type Layout } from './layout.js';
import { processesOf, removeSystemdUnits } from './processes/in-charge.js';
import { step } from './progress.js';
import { removeFolder } from './remove-folder.js';
import { dataDirFlag, dataDirOf, loadSettings, type Settings } from './settings.js';
import { agentFlags, agentProgram, runtimeOf, unitsOf } from './up/units.js';
import { waitForRuntime } from './up/wait.js';
import { CliError, type Verb } from './verb.js';

export const deleteCluster: Verb = {
  async run(args) {
    const { values } = parseFlags([dataDirFlag], args);
    if (values.help) {
      process.stdout.write(
        usage(
          'berth delete [flags]',
          'Leaves no process, mount, namespace, rule, cgroup or file behind. The data is gone for good.',
          [dataDirFlag],
        ),
      );
      return 0;
    }
    const layout = dataDirOf(values);
    if (!existsSync(layout.dataDir) && !existsSync(layout.runDir)) {
      console.log(`Nothing to delete: ${layout.dataDir} does not exist.`);
      return 0;
    }
    const settings = loadSettings(layout);
    // `up --no-node` stops the node's processes and leaves its pods: what is left of a node is seen from its folder.
    const node = settings !== undefined && (settings.node || existsSync(layout.agentDir));
    if (node && !isRoot) throw new CliError('this cluster has a node; deleting it needs root: sudo npm run delete');
    if (node) await step('pods', () => cleanNode(layout, { ...settings, node: true }));
    await step('processes', async () => {
      const processes = processesOf(layout);
      await processes.shutDown();
      processes.remove();
      // The machine may have started without systemd since; its files are there all the same.
      removeSystemdUnits(layout);
      endOrphanShims(layout);
    });
    // While the kubeconfig that says which entries are ours is still there.
    const unmerged = unmergeKubeconfig(layout.kubeconfig, userKubeconfig());
    await step('files', async () => {
      await removeFolder(layout.runDir);
      await removeFolder(layout.dataDir);
      removeServerUser();
    });
    if (unmerged) console.log(`Removed context "berth" from ${userKubeconfig()}.`);
    console.log('Berth is deleted.');
    return 0;
  },
};

/** Stops agent and control plane, keeps only the runtime, and lets the agent's own cleanup take everything off the node. */
async function cleanNode(layout: Layout, given: Settings): Promise<void> {
  // The machine may have started without systemd since; the runtime knows where the pods are.
  const settings: Settings = given.cgroupDriver === 'systemd' ? { ...given, cgroupDriver: 'auto' } : given;
  const units = await unitsOf(layout, settings);
  const processes = processesOf(layout);
  await processes.run(units.filter((unit) => unit.name === 'containerd'));
  await waitForRuntime(layout, processes, runtimeOf(layout, settings));
  const child = spawn(process.execPath, [agentProgram(), 'cleanup', ...agentFlags(layout, settings)], {
    stdio: ['ignore', 'inherit', 'pipe'],
  });
  let errors = '';
  child.stderr.on('data', (chunk) => {
    errors += chunk;
  });
  const code = await new Promise((resolve) => child.on('close', resolve));
  if (code !== 0) throw new CliError(`the node could not be cleaned: ${errors.trim().split('\n').at(-1)}`);
}

/** A containerd that is killed while it starts a container forgets the shim: nobody else would ever end it. */
function endOrphanShims(layout: Layout): void {
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    try {
      const [program = '', ...args] = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
      const address = args[args.indexOf('-address') + 1];
      if (program.includes('containerd-shim') && address === layout.containerdSocket)
        process.kill(Number(pid), 'SIGKILL');
    } catch {
      // It ended meanwhile.
    }
  }
}
