import { preparePostgres } from '#postgres';
import { flagsOf, parseFlags, programUsage } from '#settings';
import { ensurePauseImage } from './image.js';
import { mergeKubeconfig, userKubeconfig } from './kubeconfig-file.js';
import { isRoot, type Layout } from './layout.js';
import { managerOf, processesOf, takeCharge } from './processes/in-charge.js';
import { step } from './progress.js';
import { configurationOf, dataDirOf, loadSettings, resolveSettings, saveSettings } from './settings.js';
import { checkDataDir, checkPorts, checkRuntime } from './up/preflight.js';
import { closeFolders } from './up/private-files.js';
import { servesIngress, unitsOf } from './up/units.js';
import { waitForApi, waitForDns, waitForIngress, waitForNode } from './up/wait.js';
import { type Verb } from './verb.js';

export const up: Verb = {
  async run(args) {
    const { values, warnings } = parseFlags(flagsOf('up'), args);
    if (values.help) {
      process.stdout.write(
        programUsage(
          'up',
          'berth up [flags]',
          'Starts the database, the control plane and this node in the background. You can repeat it at any time:\nrunning processes stay unless their configuration changed. docs/settings.md says more about the flags.',
        ),
      );
      return 0;
    }
    const begun = performance.now();
    for (const warning of warnings) console.error(warning);
    const layout = dataDirOf(values);
    const settings = resolveSettings(values, loadSettings(layout), await configurationOf(values));
    const deadline = Date.now() + settings.timeout * 1000;
    // It makes the folder: a call with a wrong flag leaves nothing.
    checkDataDir(layout);
    const manager = managerOf(layout, settings);
    checkRuntime(settings);
    const before = processesOf(layout);
    await checkPorts(settings, (await before.status()) ?? before.abandoned());
    closeFolders(layout);
    if (!settings.databaseUrl) await step('database', () => preparePostgres(layout.postgresDir));
    saveSettings(layout, settings);
    const units = await unitsOf(layout, settings);
    await (await takeCharge(layout, manager)).run(units);

    const image =
      settings.node && !settings.containerRuntimeEndpoint ? ensurePauseImage(layout, deadline) : Promise.resolve();
    // Awaited below; until then a failure must not count as unhandled.
    image.catch(() => {});
    await step('API', () => waitForApi(layout, settings, deadline));
    const merged = mergeInto(userKubeconfig(), layout);
    if (settings.node) {
      await step('sandbox image', () => image);
      await step(`node ${settings.nodeName} Ready`, () => waitForNode(layout, settings, deadline));
      await step('cluster DNS', () => waitForDns(layout, settings, deadline));
      if (servesIngress(settings)) await step('Ingress', () => waitForIngress(layout, settings, deadline));
    }
    const took = ((performance.now() - begun) / 1000).toFixed(1);
    console.log(`\nBerth is up after ${took} s. ${merged}`);
    if (!settings.node) {
      console.log(
        isRoot
          ? 'No node runs here because of --no-node; start one with: npm run up'
          : 'No node runs here because containers need root; start one with: sudo npm run up',
      );
    }
    console.log(
      `\nNext:\n  kubectl --context berth get nodes\n  kubectl --context berth create deployment web --image=nginx\n  npm run status\n`,
    );
    return 0;
  },
};

/** Merges the kubeconfig and says where it is. A user's file that cannot be changed keeps no cluster from running. */
function mergeInto(target: string, layout: Layout): string {
  try {
    mergeKubeconfig(layout.kubeconfig, target);
    return `Context "berth" is in ${target}.`;
  } catch (error) {
    return `Its kubeconfig is ${layout.kubeconfig}; it is not in yours: ${(error as Error).message}.`;
  }
}
